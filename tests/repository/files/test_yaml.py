"""YAML reads back exactly what was written, whatever it was, and a plain word means one thing only."""

import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from common.canonical import canonical_json
from repository.files.yaml_text import Unreadable, read, written

# Everything that a database can hold: no NUL, no half of a surrogate pair.
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=60)
LINES = st.lists(
    st.sampled_from(
        ["a", " b", "c ", "\t", "", "- d", "e: f", "# g", "|", "%h", "---", "...", "é", "\u2028", "\r", "😀"]
    ),
    max_size=8,
).map("\n".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS | LINES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS | LINES, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_read_back(value):
    source = written({"value": value})
    back = read(source).value["value"]
    assert canonical_json(back) == canonical_json(value)
    assert written({"value": back}) == source


@pytest.mark.parametrize(
    "text", ["1e3", "-1E-3", "1e999", "1.5e3", "0.1", "12", "12345678e9", "0o17", "0x1F", ".5e1", "1.", "+1e3", "1_000"]
)
def test_a_text_that_looks_like_a_number_stays_a_text(text):
    """A short commit hash can be 1234e56: one such text must not keep a whole ledger from being exported."""
    source = written({"text": text, text: [text]})
    assert read(source).value == {"text": text, text: [text]}
    assert f"text: '{text}'" in source.decode()


@given(TEXTS | LINES)
@settings(max_examples=300, deadline=None)
def test_texts_are_texts_for_every_other_reader_too(text):
    """What others read our files with is PyYAML's safe loader, or one like it."""
    assert yaml.safe_load(written({"text": text}))["text"] == text


@given(st.binary(max_size=200) | TEXTS.map(str.encode) | LINES.map(str.encode))
@settings(max_examples=300, deadline=None)
def test_nothing_that_is_read_breaks_the_reader(source):
    try:
        read(source)
    except Unreadable as error:
        assert (error.line >= 1, bool(error.said), error.code[:2]) == (True, True, "PL")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("1.0.0", "1.0.0"), ("2026-01-31", "2026-01-31"), ("12:30:45", "12:30:45"),
        ("017", "017"), ("0x1F", "0x1F"), ("1_000", "1_000"), ("+1", "+1"), ("1.", "1."), ("true", True), ("FALSE", False),
        ("null", None), ("~", None), ("", None), ("-0", 0), ("12", 12), ("1.50", 1.5), ("1e3", 1000.0), ("'12'", "12"),
    ],
)  # fmt: skip
def test_a_plain_word_means_one_thing(said, meant):
    found = read(f"a: {said}\n".encode()).value["a"]
    assert (found, type(found)) == (meant, type(meant))


def test_keys_are_words_whatever_they_look_like():
    assert read(b"1: a\ntrue: b\n'null': c\n").value == {"1": "a", "true": "b", "null": "c"}


def test_every_key_and_item_knows_its_line():
    found = read(b"a: 1\nb:\n  c:\n  - d\n  -  e: 2\n")
    assert [found.line(*where) for where in [("a",), ("b",), ("b", "c"), ("b", "c", 1), ("b", "c", 1, "e")]] == [
        1,
        2,
        3,
        5,
        5,
    ]
    assert found.line("b", "unknown") == 2


def test_texts_of_several_lines_are_blocks_and_keys_are_sorted():
    assert written({"b": "one\ntwo\n", "a": 1}) == b"a: 1\nb: |\n  one\n  two\n"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_json_is_not_written(value):
    with pytest.raises((Unreadable, ValueError)):
        written({"a": value})
