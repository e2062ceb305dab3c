"""How log lines look: JSON for machines, one line of text for people (LOG_FORMAT; docs/telemetry.md, docs/adr/0024).

A line never holds a body, a key or a text of a prompt: who logs names things by id. Both ways keep a record on its own
lines: what a stranger sent cannot pass for a line of ours.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from common import correlation, telemetry

FORMATS = ("json", "console")
LONGEST = 4_000  # characters of a message or a value
PLAIN = (str, int, float, bool)
# Of a record, what Python itself puts there; the rest came by `extra`.
OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
CONTROL = {number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160), 0x2028, 0x2029)}


def id_of(record: logging.LogRecord) -> str:
    """The id of what a record is about: of what goes on, or of the request that Django names when all is over."""
    known = correlation.current()
    return known or getattr(getattr(record, "request", None), "META", {}).get(correlation.KEY, "")


def said(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says besides its message: its id, the trace it belongs to, and what came by `extra`."""
    found: dict[str, Any] = {}
    if known := id_of(record):
        found["correlation_id"] = known
    found |= telemetry.ids()
    for name, value in vars(record).items():
        if name not in OWN and isinstance(value, PLAIN):
            found[name] = value[:LONGEST] if isinstance(value, str) else value
    return found


class AsJson(logging.Formatter):
    """One JSON object a line: time, level, logger, message, what `said` finds, and the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage()[:LONGEST],
            **said(record),
        }
        if record.exc_info and record.exc_info[0]:
            line["error_type"] = record.exc_info[0].__qualname__
            line["traceback"] = self.formatException(record.exc_info)
        # ASCII: what is no character, or ends a line somewhere, stays an escape.
        return json.dumps(line, default=str)


class AsText(logging.Formatter):
    """A line for people: time, level, logger, message, and the id in brackets."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__("{asctime} {levelname} {name} {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the first line, which stays one; a traceback follows it."""
        record.message = record.message[:LONGEST].translate(CONTROL)
        known = id_of(record)
        return super().formatMessage(record) + (f" [{known}]" if known else "")


def config(*, as_: str, level: str, quiet: bool) -> dict[str, Any]:
    """Return LOGGING: everything to the error output. `quiet` leaves out the line for each request and each run.

    Raises ValueError for a format that there is not.
    """
    if as_ not in FORMATS:
        raise ValueError(f"LOG_FORMAT must be {' or '.join(FORMATS)}, not '{as_}'.")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": AsJson}, "console": {"()": AsText}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": as_}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # What these say of each request names prompts and addresses; it has no place in a log, whatever its level.
            **{name: {"level": "WARNING"} for name in ("httpx2", "httpcore2", "openai", "anthropic")},
            **{name: {"level": "WARNING"} for name in ("promptledger.request", "promptledger.run") if quiet},
        },
    }
