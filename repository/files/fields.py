"""Reading the keys of prompt files: each key has a reader, and everything wrong is told with its line."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from repository.files.codes import Problem
from repository.files.layout import SCHEMA_VERSION
from repository.files.yaml_text import Document

Reader = Callable[[Any], Any]
LABEL = re.compile(r"v([1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})", re.ASCII)
MOST = 2**31 - 1
SHOWN = 20


class Wrong(Exception):
    """A value that cannot be taken; the argument says what it must be."""


def text(most: int = 10**6) -> Reader:
    """Read a text."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise Wrong("must be text: put it in quotes")
        if len(value) > most:
            raise Wrong(f"is over {most:,} characters")
        return value

    return read


def one_of(*allowed: str) -> Reader:
    """Read one of a few words."""

    def read(value: Any) -> str:
        if value not in allowed or not isinstance(value, str):
            raise Wrong(f"must be one of {', '.join(allowed)}")
        return value

    return read


def flag(value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise Wrong("must be true or false")
    return value


def number(value: Any) -> int:
    """Read the number of a version."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
        raise Wrong("must be a whole number from 1")
    return value


def label(value: Any) -> str:
    """Read a label, v2.3."""
    if not isinstance(value, str) or not LABEL.fullmatch(value):
        raise Wrong("must be a label like v2.3")
    return value


def mapping(value: Any) -> dict[str, Any]:
    """Read a mapping."""
    if not isinstance(value, dict):
        raise Wrong("must be a mapping")
    return value


def texts(value: Any) -> list[str]:
    """Read a list of texts."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Wrong("must be a list of words")
    return value


def digest(value: Any) -> str:
    """Read a SHA-256 in hex."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value):
        raise Wrong("must be a SHA-256 in hex: 64 digits and letters a to f")
    return value


def instant(value: Any) -> datetime:
    """Read a time with its zone."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        if found is not None and found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Wrong("must be a time with its zone, such as 2026-01-31T12:00:00Z")


def said_instant(moment: datetime | None) -> str | None:
    """A time as it is written."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read_fields(
    path: str, document: Document, readers: Mapping[str, Reader], needed: tuple[str, ...] = ()
) -> tuple[dict[str, Any], list[Problem]]:
    """Return the values of the known keys that say something, and everything that is wrong. null says nothing."""
    value = document.value
    if not isinstance(value, dict):
        return {}, [Problem(path, 1, "PL011", f"The file must be a mapping with {', '.join(needed) or 'keys'}.")]
    wrong = [
        Problem(path, document.line(key), "PL010", f"Unknown key '{key}'. Known here: {', '.join(readers)}.")
        for key in [key for key in value if key not in readers][:SHOWN]
    ]
    found: dict[str, Any] = {}
    for key, reader in readers.items():
        if value.get(key) is None:
            continue
        try:
            found[key] = reader(value[key])
        except Wrong as error:
            wrong.append(Problem(path, document.line(key), "PL011", f"{key} {error}."))
    wrong += [
        Problem(path, document.line(key), "PL011", f"{key} is missing.")
        for key in needed
        if key not in found and value.get(key) is None
    ]
    return found, wrong


def schema_version(value: Any) -> int:
    """Read the version of the format; that it is known is told by `unknown_format`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong("must be a whole number")
    return value


def unknown_format(path: str, document: Document, found: dict[str, Any]) -> list[Problem]:
    """What is wrong with the schema_version of a file; a file that does not say is of the present one."""
    if found.get("schema_version", SCHEMA_VERSION) == SCHEMA_VERSION:
        return []
    said = f"schema_version {found['schema_version']} is not known here; this release knows {SCHEMA_VERSION}."
    return [Problem(path, document.line("schema_version"), "PL012", said)]


def without_nothing(value: dict[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing: null, "", false, {} and []."""
    return {key: one for key, one in value.items() if one not in (None, "", False, {}, [])}
