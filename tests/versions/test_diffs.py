"""Differences: nothing is lost, the changed words are found, and no text makes them slow."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versions import diffs

texts = st.text(alphabet="ab \n.{é😀", max_size=60)
PAIRS = {
    "numbers": ("0123456789\n", "0123456789\n"),
    "newlines alone": ("\n", "a\n"),
    "punctuation": ("!?.\n", ".,;\n"),
    "one line": ("ab ", "ba "),
}


def joined(found: list[dict[str, str]], side: str) -> str:
    return "".join(one[side] for one in found)


@given(texts, texts)
def test_the_segments_give_both_texts_back(old: str, new: str):
    found = diffs.segments(old, new)
    assert (joined(found, "old"), joined(found, "new")) == (old, new)
    assert all(one["op"] == "equal" for one in found) == (old == new)
    for one in found:
        assert (one["op"] == "equal") == (one["old"] == one["new"])


@given(texts, texts)
def test_the_rows_give_both_texts_back_line_by_line(old: str, new: str):
    rows = diffs.side_by_side(old, new)
    left = ["".join(piece.text for piece in row.left) for row in rows if row.left is not None]
    right = ["".join(piece.text for piece in row.right) for row in rows if row.right is not None]
    assert (left, right) == (old.splitlines() or [""], new.splitlines() or [""])
    assert [row.left_number for row in rows if row.left_number] == list(range(1, len(left) + 1))
    assert [row.right_number for row in rows if row.right_number] == list(range(1, len(right) + 1))


def test_a_changed_word_is_marked_and_nothing_else():
    (row,) = diffs.side_by_side("Say hello to Bo.", "Say goodbye to Bo.")
    assert [piece.text for piece in row.left if piece.changed] == ["hello"]
    assert [piece.text for piece in row.right if piece.changed] == ["goodbye"]


@pytest.mark.parametrize("kind", PAIRS)
def test_200_kb_against_200_kb_take_no_more_than_a_moment(kind: str):
    luck = random.Random(1)
    left, right = PAIRS[kind]
    old, new = ("".join(luck.choices(letters, k=200_000)) for letters in (left, right))
    began = time.process_time()
    found = diffs.segments(old, new)
    diffs.side_by_side(old, new)
    assert time.process_time() - began < 5
    assert (joined(found, "old"), joined(found, "new")) == (old, new)


def test_a_small_change_in_a_long_text_is_found_by_words():
    long = "".join(f"Line {n} says {n * 7}.\n" for n in range(8_000))
    found = diffs.segments(long, long.replace("Line 4000 says", "Line 4000 tells"))
    assert [(one["old"], one["new"]) for one in found if one["op"] != "equal"] == [("says", "tells")]


def test_config_keys_are_compared_one_by_one():
    assert diffs.config_changes({"a": 1, "b": {"c": 2}}, {"b": {"c": 3}, "d": None}) == [
        {"key": "a", "op": "delete", "old": 1, "new": None},
        {"key": "b", "op": "replace", "old": {"c": 2}, "new": {"c": 3}},
        {"key": "d", "op": "insert", "old": None, "new": None},
    ]
