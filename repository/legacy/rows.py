"""One legacy prompt: whose it is and what it says, checked by the rules of agents, prompts and texts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from agents.models import DEFAULT_STATUS_KEY, Agent
from common.canonical import sha256
from common.errors import BadInput
from common.text import unstorable
from versions import content
from versions.models import Prompt

# A row as its source has it: "line 7", the name, the text.
Row = tuple[str, Any, Any]
SHOWN = 20  # wrong rows named in one message


@dataclass(frozen=True, slots=True)
class Legacy:
    """A row that can be moved; `text` is "" where the source has a blank one."""

    where: str
    agent: str
    text: str

    @property
    def name(self) -> str:
        """What its prompt is called."""
        return f"{self.agent}.{DEFAULT_STATUS_KEY}"

    @property
    def checksum(self) -> str:
        """The hash that a version with this text has."""
        return sha256(self.text)


class BadRows(BadInput):
    """Rows that cannot be moved, each with its place and what is wrong with it. Nothing was written."""

    def __init__(self, wrong: list[str]) -> None:
        more = [f"… and {len(wrong) - SHOWN:,} more."] if len(wrong) > SHOWN else []
        count = "1 row cannot be moved" if len(wrong) == 1 else f"{len(wrong):,} rows cannot be moved"
        super().__init__("\n".join([f"{count}. Nothing was written.", *wrong[:SHOWN], *more]))


def checked(rows: Iterable[Row], name_column: str, text_column: str) -> list[Legacy]:
    """Return the rows of a source, or raise BadRows that names all the wrong ones by their place.

    A source that breaks off in the middle raises BadInput; that is one more wrong row.
    """
    found: dict[str, Legacy] = {}
    wrong: list[str] = []
    try:
        for where, name, text in rows:
            try:
                legacy = Legacy(where, _agent(name, name_column), _text(text, text_column))
            except BadInput as error:
                wrong.append(f"{where}: {error.detail}")
                continue
            if first := found.get(legacy.agent):
                wrong.append(f"{where}: agent '{legacy.agent}' is there twice, first in {first.where}.")
            else:
                found[legacy.agent] = legacy
    except BadRow as error:
        wrong.append(error.detail)
    if wrong:
        raise BadRows(wrong)
    return list(found.values())


class BadRow(BadInput):
    """A row behind which the source cannot be read on; the detail names its place."""


def _agent(value: Any, column: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # an id as the name
    name = _decoded(value, column)
    if not name.strip():
        raise BadInput(f"{column} is empty: whose prompt is it?")
    try:
        Agent._meta.get_field("name").run_validators(name)
        Prompt._meta.get_field("name").run_validators(f"{name}.{DEFAULT_STATUS_KEY}")
    except ValidationError as error:
        raise BadInput(f"{column} {name[:80]!r}: {' '.join(error.messages)}") from error
    return name


def _text(value: Any, column: str) -> str:
    text = _decoded(value, column)
    return content.check_text("text", text) if text.strip() else ""


def _decoded(value: Any, column: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes | memoryview):
        try:
            value = bytes(value).decode()
        except UnicodeDecodeError as error:
            raise BadInput(f"{column} is not UTF-8 (byte {error.start + 1}).") from error
    if not isinstance(value, str):
        raise BadInput(f"{column} is no text.")
    if why := unstorable(value):
        raise BadInput(f"{column} {why}.")
    return value
