"""Differences between two texts as lines that people read: a unified diff."""

from __future__ import annotations

import difflib
import json
from typing import Any

from promptledger_client.cli.terminal import Terminal

PAIRS_LIMIT = 4_000_000  # of lines that are compared; beyond it what differs is one block
SIGNS = {"+": "green", "-": "red", "@": "cyan"}


def unified(old: str, new: str, from_name: str, to_name: str, context: int = 3) -> list[str]:
    """Return the lines of a unified diff; none for equal texts. A missing line end at the end is said."""
    if old == new:
        return []
    before, after = old.split("\n"), new.split("\n")
    head, tail = ends(before, after)
    left, right = before[head : len(before) - tail], after[head : len(after) - tail]
    lines = [f"--- {from_name}", f"+++ {to_name}"]
    if len(left) * len(right) <= PAIRS_LIMIT:
        found = list(difflib.unified_diff(before, after, lineterm="", n=context))[2:]
    else:
        above, below = before[max(head - context, 0) : head], before[len(before) - tail :][:context]
        found = [f"@@ line {head + 1} @@", *(f" {line}" for line in above), *(f"-{line}" for line in left),
                 *(f"+{line}" for line in right), *(f" {line}" for line in below)]  # fmt: skip
    return lines + found


def ends(before: list[str], after: list[str]) -> tuple[int, int]:
    """How many lines both begin with, and how many of the rest both end with."""
    same = min(len(before), len(after))
    head = next((n for n in range(same) if before[n] != after[n]), same)
    tail = next((n for n in range(same - head) if before[-1 - n] != after[-1 - n]), same - head)
    return head, tail


def readable(content: str | list[dict[str, str]]) -> str:
    """A text as it is; a chat's messages one after the other, each under its role."""
    if isinstance(content, str):
        return content
    return "\n".join(map(_readable, content))


def _readable(message: dict[str, str]) -> str:
    if message.get("type") == "placeholder":
        return f"[placeholder] {message.get('name')}"
    return f"[{message.get('role')}]\n{message.get('content')}"


def config_lines(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """One line for each key of the config that differs."""
    lines = []
    for key in sorted({*old, *new}):
        if key not in old or key not in new or old[key] != new[key]:
            lines += [f"-config.{key}: {json.dumps(old[key], ensure_ascii=False)}"] if key in old else []
            lines += [f"+config.{key}: {json.dumps(new[key], ensure_ascii=False)}"] if key in new else []
    return lines


def show(lines: list[str], terminal: Terminal, indent: str = "") -> None:
    """Print the lines of a diff, coloured on a terminal."""
    for number, line in enumerate(lines):
        head = number < 2 and line.startswith(("---", "+++"))
        terminal.line(f"{indent}{line}", "bold" if head else SIGNS.get(line[:1], ""))
