"""What a command says: lines or JSON on standard output, notes and progress on standard error."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
COLOURS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}
EVERY = 0.1  # seconds between two signs of progress


class Terminal:
    """Where a command speaks. `as_json` turns its lines off: one JSON document is said instead."""

    def __init__(self, *, as_json: bool = False, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.as_json = as_json
        self.out, self.err = out or sys.stdout, err or sys.stderr
        self.coloured = is_terminal(self.out) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        self.watched = is_terminal(self.err)
        self.last, self.drawn = 0.0, False

    def line(self, text: str = "", colour: str = "") -> None:
        """One line for people; nothing with --json."""
        if not self.as_json:
            self.out.write(f"{self.painted(visible(text), colour)}\n")

    def painted(self, text: str, colour: str) -> str:
        """The text in a colour, on a terminal that shows them."""
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if colour and self.coloured and text else text

    def json(self, data: Any) -> None:
        """The machine-readable answer, with --json."""
        if self.as_json:
            self.out.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")

    def raw(self, text: str) -> None:
        """A text exactly as it is; on a terminal a line end follows where it has none."""
        more = "\n" if is_terminal(self.out) and not text.endswith("\n") else ""
        stream = getattr(self.out, "buffer", None)
        if stream is None:
            self.out.write(text + more)
            return
        self.out.flush()
        stream.write((text + more).encode())  # bytes: no system turns \n into anything else
        stream.flush()

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Rows under a head, in columns."""
        shown = [[visible(cell, lines=False) for cell in row] for row in [head, *rows]]
        widths = [max(len(row[n]) for row in shown) for n in range(len(head))]
        for number, row in enumerate(shown):
            text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            self.line(text, "bold" if number == 0 else "")

    def note(self, text: str) -> None:
        """Something that people should know, on standard error, with --json too."""
        self.clear()
        self.err.write(f"{visible(text)}\n")

    def progress(self, what: str, done: int, of: int = 0) -> None:
        """Say how far it is, on a terminal, ten times a second at most."""
        now = time.monotonic()
        if self.watched and (now - self.last >= EVERY or (of and done == of)):
            self.last, self.drawn = now, True
            self.err.write(f"\r\x1b[K{what} {done:,}{f' of {of:,}' if of else ''}")
            self.err.flush()

    def clear(self) -> None:
        """Take the progress away."""
        if self.drawn:
            self.err.write("\r\x1b[K")
            self.err.flush()
            self.drawn = False


def is_terminal(stream: TextIO) -> bool:
    """Whether people look at it."""
    return bool(getattr(stream, "isatty", lambda: False)())


def visible(text: str, *, lines: bool = True) -> str:
    """The text with its control characters written out, so that none of them moves a terminal's cursor."""
    shown = CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return shown if lines else shown.replace("\n", "\\n").replace("\t", "\\t")
