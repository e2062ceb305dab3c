"""Legacy prompts out of a CSV file or a file of JSON lines; read line by line, whatever the file holds."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from rest_framework.exceptions import ParseError

from common.errors import BadInput
from common.parsing import load
from repository.legacy.rows import BadRow, Row

LINE_LIMIT = 4 * 1024 * 1024  # bytes; a text of the largest size fits in, every character escaped


def from_file(path: Path, name_column: str, text_column: str) -> Iterator[Row]:
    """Yield the rows of a file, by the ending of its name. Raises BadInput for one that cannot be read."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise BadInput(f"{path.name}: is it CSV or JSON lines? Let its name end in {', '.join(READERS)}.")
    try:
        with path.open("rb") as file:
            yield from reader(file, name_column, text_column)
    except OSError as error:
        raise BadInput(f"{path.name}: {error.strerror}.") from error


class Lines:
    """The lines of a file as text, with the number of the last one. Raises BadRow for a line that is no text."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.number = file, 0

    def __iter__(self) -> Iterator[str]:
        while raw := self.file.readline(LINE_LIMIT + 1):
            self.number += 1
            if len(raw) > LINE_LIMIT:
                raise BadRow(f"line {self.number}: it is over {LINE_LIMIT:,} bytes long.")
            try:
                yield raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise BadRow(f"line {self.number}: it is not UTF-8 (byte {error.start + 1}).") from error


def from_csv(file: IO[bytes], name_column: str, text_column: str) -> Iterator[Row]:
    """Yield the rows of a CSV file with a line of names at its top."""
    before = csv.field_size_limit(LINE_LIMIT)
    lines = Lines(file)
    try:
        rows = csv.reader(lines, strict=True)
        head = next(rows, [])
        places = [_column(head, name, f"line {lines.number or 1}") for name in (name_column, text_column)]
        while True:
            where = f"line {lines.number + 1}"
            row = next(rows, None)
            if row is None:
                return
            if not row:
                continue
            if len(row) != len(head):
                raise BadRow(f"{where}: it has {len(row)} cells, and the first line has {len(head)}.")
            yield where, row[places[0]], row[places[1]]
    except csv.Error as error:
        raise BadRow(f"line {lines.number}: {error}.") from error
    finally:
        csv.field_size_limit(before)


def _column(head: list[str], name: str, where: str) -> int:
    if head.count(name) != 1:
        said = "There are two columns" if name in head else "There is no column"
        raise BadInput(f"{where}: {said} '{name}'. The first line names: {', '.join(head) or 'nothing'}.")
    return head.index(name)


def from_jsonl(file: IO[bytes], name_column: str, text_column: str) -> Iterator[Row]:
    """Yield the rows of a file with one JSON object on each line; empty lines do not count."""
    lines = Lines(file)
    for line in lines:
        if not line.strip():
            continue
        where = f"line {lines.number}"
        try:
            found = load(line.encode())
        except ParseError as error:
            said = re.sub(r"at line \d+ column", "at column", str(error.detail)).replace("The body", "It")
            raise BadRow(f"{where}: {said}") from error
        yield where, *(_value(found, key, where) for key in (name_column, text_column))


def _value(found: Any, key: str, where: str) -> Any:
    if not isinstance(found, dict):
        raise BadRow(f"{where}: it is no JSON object.")
    if key not in found:
        raise BadRow(f"{where}: it has no key '{key}'. It has: {', '.join(sorted(found)) or 'none'}.")
    value = found[key]
    return [value] if isinstance(value, int) else value  # a number is no name here, and no text


READERS: dict[str, Callable[[IO[bytes], str, str], Iterator[Row]]] = {
    ".csv": from_csv, ".jsonl": from_jsonl, ".ndjson": from_jsonl,
}  # fmt: skip
