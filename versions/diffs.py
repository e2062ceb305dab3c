"""What changed between two versions: text by words, chat by messages, config by keys."""

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapidfuzz.distance import Indel

if TYPE_CHECKING:  # scorers use the rest, and are read where there is no database (prompt files)
    from versions.models import PromptVersion

TOKEN = re.compile(r"\s|\w+|[^\w\s]")
# Pairs of pieces that are compared: 50 MB and half a second. Beyond it words give way to lines, and lines to one
# replaced block between what both texts begin and end with.
PAIRS_LIMIT = 400_000_000
# Changed lines beside each other whose words are marked; nobody reads more.
MARKED_LIMIT = 2_000

Opcode = tuple[str, int, int, int, int]


@dataclass(frozen=True)
class Piece:
    """A stretch of text, and whether it is what changed."""

    text: str
    changed: bool = False


@dataclass(frozen=True)
class Row:
    """One row of a side-by-side view: line numbers and pieces left and right; None where a side has no line."""

    kind: str
    left_number: int | None
    left: list[Piece] | None
    right_number: int | None
    right: list[Piece] | None


def opcodes(before: list[str], after: list[str]) -> list[Opcode]:
    """Return (tag, from, to, from, to) of what to do to make `after` of `before`."""
    n, m = len(before), len(after)
    head, tail = _ends(before, after)
    found: list[Opcode] = [("equal", 0, head, 0, head)] if head else []
    if (n - head - tail) * (m - head - tail) > PAIRS_LIMIT:
        found.append(("replace", head, n - tail, head, m - tail))
    else:
        found += [
            (code.tag, code.src_start + head, code.src_end + head, code.dest_start + head, code.dest_end + head)
            for code in Indel.opcodes(before[head : n - tail], after[head : m - tail])
        ]
    return [*found, ("equal", n - tail, n, m - tail, m)] if tail else found


def _ends(before: list[str], after: list[str]) -> tuple[int, int]:
    """How many pieces both begin with, and how many of the rest both end with."""
    same = min(len(before), len(after))
    head = next((i for i in range(same) if before[i] != after[i]), same)
    tail = next((i for i in range(same - head) if before[-1 - i] != after[-1 - i]), same - head)
    return head, tail


def segments(old: str, new: str) -> list[dict[str, str]]:
    """Return [{op: equal|insert|delete|replace, old, new}] by words; joining all `new` gives the new text."""
    before, after = TOKEN.findall(old), TOKEN.findall(new)
    ends = sum(_ends(before, after))
    if (len(before) - ends) * (len(after) - ends) > PAIRS_LIMIT:
        before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    found: list[dict[str, str]] = []
    for tag, i1, i2, j1, j2 in opcodes(before, after):
        left, right = "".join(before[i1:i2]), "".join(after[j1:j2])
        if found and tag != "equal" and found[-1]["op"] != "equal":
            last = found[-1]
            last["old"] += left
            last["new"] += right
            last["op"] = "replace" if last["old"] and last["new"] else last["op"]
        else:
            found.append({"op": tag, "old": left, "new": right})
    return found


def side_by_side(old: str, new: str) -> list[Row]:
    """Return the rows of two texts beside each other, line by line, with the changed words marked."""
    before, after = old.splitlines() or [""], new.splitlines() or [""]
    rows: list[Row] = []
    gone: list[int] = []
    come: list[int] = []
    for tag, i1, i2, j1, j2 in opcodes(before, after):
        if tag == "equal":
            rows += _changed_rows(before, after, gone, come)
            gone, come = [], []
            rows += [Row("equal", i1 + n + 1, [Piece(before[i1 + n])], j1 + n + 1, [Piece(before[i1 + n])])
                     for n in range(i2 - i1)]  # fmt: skip
        else:
            gone += range(i1, i2)
            come += range(j1, j2)
    return rows + _changed_rows(before, after, gone, come)


def _changed_rows(before: list[str], after: list[str], gone: list[int], come: list[int]) -> list[Row]:
    rows = []
    few = len(gone) + len(come) <= MARKED_LIMIT
    for i, j in zip(gone, come, strict=False):
        left, right = _words(before[i], after[j]) if few else ([Piece(before[i], True)], [Piece(after[j], True)])
        rows.append(Row("replace", i + 1, left, j + 1, right))
    rows += [Row("delete", i + 1, [Piece(before[i], True)], None, None) for i in gone[len(come) :]]
    rows += [Row("insert", None, None, j + 1, [Piece(after[j], True)]) for j in come[len(gone) :]]
    return rows


def _words(old: str, new: str) -> tuple[list[Piece], list[Piece]]:
    left, right = [], []
    for segment in segments(old, new):
        changed = segment["op"] != "equal"
        if segment["old"]:
            left.append(Piece(segment["old"], changed))
        if segment["new"]:
            right.append(Piece(segment["new"], changed))
    return left, right


def compare(old: "PromptVersion", new: "PromptVersion") -> dict[str, Any]:
    """Return what changed from `old` to `new` of one prompt, for the API: text or messages, and config."""
    found: dict[str, Any] = {
        "prompt": new.prompt.name,
        "from": old.label,
        "to": new.label,
        "identical": old.content_hash == new.content_hash,
        "text": segments(old.template_source, new.template_source) if new.prompt.type == "text" else None,
        "messages": _messages(old, new) if new.prompt.type == "chat" else None,
        "config": config_changes(old.config, new.config),
    }
    return found


def _messages(old: "PromptVersion", new: "PromptVersion") -> list[dict[str, Any]]:
    return [
        {
            "op": op,
            "old": left,
            "new": right,
            "segments": segments(message_text(left), message_text(right)) if left and right else None,
        }
        for op, left, right in message_pairs(old.messages or [], new.messages or [])
    ]


def message_text(message: dict[str, str] | None) -> str:
    """What a message says, for a comparison; a placeholder says its name."""
    if message is None:
        return ""
    return message["content"] if "content" in message else f"{{placeholder: {message['name']}}}"


def message_pairs(
    old: list[dict[str, str]], new: list[dict[str, str]]
) -> list[tuple[str, dict[str, str] | None, dict[str, str] | None]]:
    """Pair the messages of two chats: (op, old or None, new or None)."""
    before, after = (
        [json.dumps(one, sort_keys=True) for one in old],
        [json.dumps(one, sort_keys=True) for one in new],
    )
    pairs: list[tuple[str, Any, Any]] = []
    gone: list[Any] = []
    come: list[Any] = []

    def flush() -> None:
        both = min(len(gone), len(come))
        pairs.extend(("replace", gone[n], come[n]) for n in range(both))
        pairs.extend(("delete", one, None) for one in gone[both:])
        pairs.extend(("insert", None, one) for one in come[both:])
        gone.clear()
        come.clear()

    for tag, i1, i2, j1, j2 in opcodes(before, after):
        if tag == "equal":
            flush()
            pairs.extend(("equal", old[i1 + n], new[j1 + n]) for n in range(i2 - i1))
        else:
            gone.extend(old[i1:i2])
            come.extend(new[j1:j2])
    flush()
    return pairs


def config_changes(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Return [{key, op: insert|delete|replace, old, new}] over the top keys, sorted."""
    changes = []
    for key in sorted({*old, *new}):
        if key not in new:
            changes.append({"key": key, "op": "delete", "old": old[key], "new": None})
        elif key not in old:
            changes.append({"key": key, "op": "insert", "old": None, "new": new[key]})
        elif old[key] != new[key]:
            changes.append({"key": key, "op": "replace", "old": old[key], "new": new[key]})
    return changes
