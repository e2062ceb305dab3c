"""A breakdown as CSV that a spreadsheet opens without running anything in it."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

from executions.analytics.reading import Report

BREAKDOWNS = ("day", "mode", "agent", "prompt", "version", "model")
# What makes a spreadsheet take a cell for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def lines(found: Report, by: str) -> Iterator[str]:
    """Yield the CSV of one breakdown, line by line, with a first line of names."""
    answer = found.as_json()[f"by_{by}"]
    rows = [{"mode": mode, **row} for mode, row in answer.items()] if by == "mode" else answer
    names = list(rows[0]) if rows else [by]
    yield _line(names)
    for row in rows:
        yield _line([row[name] for name in names])


def _line(cells: list[Any]) -> str:
    out = StringIO()
    csv.writer(out).writerow([harmless(cell) for cell in cells])
    return out.getvalue()


def harmless(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula, with an apostrophe before it; everything else as it is."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
