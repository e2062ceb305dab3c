"""Examples as text: JSON lines, JSON and CSV, read with every bad line named, and written (SPEC 7)."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from common.strict_json import BODY_LIMIT, NotJSON, load
from common.text import unstorable
from evaluations.items import EXAMPLES_LIMIT, Item, Problem, Wrong, named, read_item

FORMATS = ("jsonl", "json", "csv")
ENDINGS = {"jsonl": "jsonl", "ndjson": "jsonl", "json": "json", "csv": "csv", "tsv": "csv", "txt": "jsonl"}
TEXT_LIMIT = BODY_LIMIT
SPACE = re.compile(r"[ \t\r\n]*")
DELIMITERS = (",", ";", "\t")
# A cell holds at most what a file may.
csv.field_size_limit(TEXT_LIMIT)

Line = tuple[str, Any]


@dataclass
class Parsed:
    """What was read: usable items, what is wrong (then nothing may be stored), and what may be a mistake."""

    items: list[Item] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """A text and how it is written; `name` is the file's, where there is one."""

    text: str | bytes
    format: str
    name: str = ""


def format_of(name: str, text: bytes = b"") -> str:
    """Return the format of a file by its ending, else by how it begins."""
    known = ENDINGS.get(name.rpartition(".")[2].lower()) if "." in name else None
    if known:
        return known
    start = text.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"[":
        return "json"
    return "jsonl" if start == b"{" else "csv"


def parse(
    sources: Iterable[Source], *, variables: list[str], must_expect: bool, present: Iterable[Item] = ()
) -> Parsed:
    """Read all sources together; `present` are the examples that they come beside. Raises nothing: all is in Parsed."""
    lines: list[Line] = []
    found = Parsed()
    for source in sources:
        lines += _lines_of(source)
    return _checked(lines, found, variables, must_expect, list(present))


def check(values: list[Any], *, variables: list[str], must_expect: bool, present: Iterable[Item] = ()) -> Parsed:
    """The same for examples that came as JSON already."""
    lines = [(f"example {number}", value) for number, value in enumerate(values, 1)]
    return _checked(lines, Parsed(), variables, must_expect, list(present))


def _checked(lines: list[Line], found: Parsed, variables: list[str], must_expect: bool, present: list[Item]) -> Parsed:
    if (count := len(lines) + len(present)) > EXAMPLES_LIMIT:
        found.errors.append(Problem("", f"{count:,} examples; the limit is {EXAMPLES_LIMIT:,}."))
        return found
    items: list[Item] = []
    for where, value in lines:
        if isinstance(value, Problem):
            found.errors.append(value)
            continue
        try:
            item, doubts = read_item(value, where=where, variables=variables, must_expect=must_expect)
        except Wrong as wrong:
            found.errors += [Problem(where, said) for said in wrong.args]
            continue
        items.append(item)
        found.warnings += doubts
    found.items, doubles = named(items, present)
    found.errors += doubles
    return found


def _lines_of(source: Source) -> list[Line]:
    """What stands in one text, each with its place; a Problem stands for what cannot be read at all."""
    name = f"{source.name}, " if source.name else ""
    raw = source.text.encode("utf-8", "surrogatepass") if isinstance(source.text, str) else source.text
    if len(raw) > TEXT_LIMIT:
        return [_problem(source.name, f"The text is over {TEXT_LIMIT // 1024 // 1024} MiB. Send it in parts.")]
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return [_problem(f"{name}line {line}", "This is not UTF-8. Save the file as UTF-8.")]
    if why := unstorable(text):
        line = next(n for n, one in enumerate(text.split("\n"), 1) if unstorable(one))
        return [_problem(f"{name}line {line}", f"The text {why}.")]
    read = {"jsonl": _json_lines, "json": _json, "csv": _csv}[source.format]
    return [
        _problem(f"{name}{where}", value.said) if isinstance(value, Problem) else (f"{name}{where}", value)
        for where, value in read(text)
    ]


def _problem(where: str, said: str) -> Line:
    return where, Problem(where, said)


def _json_lines(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"line {number}"
            try:
                yield where, load(line.encode())
            except NotJSON as error:
                yield _problem(where, _said(error).replace(" at line 1 column", " at column"))


def _said(error: NotJSON) -> str:
    return str(error).replace("The body", "This")


def _json(text: str) -> Iterator[Line]:
    """A list of examples, an object that holds such a list, or one example. Each is named by the line it begins on."""
    if not text.strip():
        return
    try:
        value = load(text.encode())
    except NotJSON as error:
        said = _said(error)
        at = re.search(r" at line (\d+) column \d+", said)
        where = f"line {at[1]}" if at else "line 1"
        yield _problem(where, said.replace(at[0], "") if at else said)
        return
    if isinstance(value, list):
        yield from _with_places(text, value)
    elif isinstance(value, dict) and set(value) == {"examples"} and isinstance(value["examples"], list):
        for number, one in enumerate(value["examples"], 1):
            yield f"example {number}", one
    else:
        yield f"line {text.count(chr(10), 0, _after_space(text, 0)) + 1}", value


def _with_places(text: str, values: list[Any]) -> Iterator[Line]:
    """The items of a JSON list, each with the line it begins on. The text has been read once: it is a list."""
    decoder, at, line, counted = json.JSONDecoder(), _after_space(text, 0) + 1, 1, 0
    for value in values:
        at = _after_space(text, at)
        line += text.count("\n", counted, at)
        counted = at
        yield f"line {line}", value
        at = _after_space(text, decoder.raw_decode(text, at)[1]) + 1


def _after_space(text: str, at: int) -> int:
    found = SPACE.match(text, at)
    return found.end() if found else at


def _csv(text: str) -> Iterator[Line]:
    """Columns: input.NAME or NAME are inputs; expected (or ideal), id, weight, tags."""
    if not text.strip():
        return
    head = text.lstrip().partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] = []
    before = 0
    try:
        for row in rows:
            where, before = f"line {before + 1}", rows.line_num
            if not any(cell.strip() for cell in row):
                continue
            if not names:
                names = [cell.strip() for cell in row]
                if why := _bad_head(names):
                    yield _problem(where, why)
                    return
            elif len(row) > len(names):
                said = f"{len(row)} cells, but {len(names)} columns. Put quotes around a cell that holds {delimiter!r}."
                yield _problem(where, said)
            else:
                yield where, _of_cells(dict(zip(names, row, strict=False)))
    except csv.Error as error:
        yield _problem(f"line {before + 1}", f"This is not CSV: {error}.")


def _bad_head(names: list[str]) -> str:
    if "" in names:
        return f"Column {names.index('') + 1} has no name. The first line names the columns."
    plain = [name.removeprefix("input.") for name in names]
    if twice := sorted({name for name in plain if plain.count(name) > 1}):
        return f"A column is there twice: {', '.join(twice)}."
    if not any(_is_input(name) for name in names):
        return "There is no column for an input. Name one input.NAME for each variable, and one expected."
    return ""


def _is_input(name: str) -> bool:
    return name.startswith("input.") or name not in ("id", "expected", "ideal", "weight", "tags")


def _of_cells(row: dict[str, str]) -> dict[str, Any]:
    """The example that a row says. An empty cell of anything but an input says nothing."""
    found: dict[str, Any] = {
        "input": {name.removeprefix("input."): cell for name, cell in row.items() if _is_input(name)}
    }
    for name in ("expected", "ideal"):
        if row.get(name, "").strip():
            found[name] = _cell(row[name])
    if row.get("id", "").strip():
        found["id"] = row["id"].strip()
    if weight := row.get("weight", "").strip():
        found["weight"] = _number(weight)
    if row.get("tags", "").strip():
        found["tags"] = [tag.strip() for tag in re.split(r"[,;]", row["tags"]) if tag.strip()]
    return found


def _cell(text: str) -> Any:
    """What a cell expects: JSON where it is an object or a list, else the text as it stands ("007" is no number)."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return load(text.encode())
        except NotJSON:
            return text
    return text


def _number(text: str) -> Any:
    try:
        return float(text) if len(text) < 40 else text
    except ValueError:
        return text


def as_lines(items: Iterable[Item]) -> str:
    """The examples as JSON lines, readable: what `parse` reads back as the same examples."""
    return "".join(item.readable + "\n" for item in items)


def canonical_lines(items: Iterable[Item]) -> str:
    """The examples as the dataset's sha256 sees them."""
    return "".join(item.canonical + "\n" for item in items)
