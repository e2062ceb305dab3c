"""Walking the chains: finds any ledger row that was changed, added or removed behind the ledger's back.

Rows are read as the database keeps them and hashed without a detour through objects: a million events in seconds.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connection, transaction

from common.canonical import sha256, stored_json
from ledger.models import Chained, LedgerEvent

COLUMNS = (*LedgerEvent.SEALED, "hash")
ROWS = 5_000


class Event(NamedTuple):
    """An event as it is stored, in the order of COLUMNS; `at` is ISO text, `detail` is JSON text."""

    chain: str
    sequence: int
    at: str | None
    actor: str
    actor_kind: str
    actor_id: int | None
    api_key: str
    action: str
    agent: str
    prompt_id: int | None
    prompt: str
    version: int | None
    label: str
    from_stage: str
    to_stage: str
    replaced: int | None
    reason: str
    before_hash: str
    after_hash: str
    detail: str
    previous_hash: str
    hash: str


@dataclass(frozen=True)
class Problem:
    """One thing that does not add up: where, and what, in a sentence."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@contextmanager
def one_moment() -> Iterator[None]:
    """Let everything inside be read as of one instant, while others go on writing; nobody waits for it.

    Inside a transaction of the caller that transaction decides.
    """
    if connection.in_atomic_block:
        yield
        return
    changed: Any = connection
    usual = getattr(changed, "transaction_mode", None)
    if connection.vendor == "sqlite":
        changed.transaction_mode = "DEFERRED"  # a reader; our writers begin IMMEDIATE
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    finally:
        if connection.vendor == "sqlite":
            changed.transaction_mode = usual


def stored_rows(sql: str) -> Iterator[tuple[Any, ...]]:
    """Yield what a query gives, as the database driver gives it, a few thousand rows at a time."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql)
        while rows := cursor.fetchmany(ROWS):
            yield from rows


def iso(instant: Any) -> str | None:
    """An instant as the driver gives it (SQLite's are UTC and do not say so), as the ISO text that is hashed."""
    if not isinstance(instant, datetime):
        return None if instant is None else str(instant)
    return (instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)).isoformat()


def walk(each: Callable[[Event], None] = lambda event: None) -> Iterator[Problem]:
    """Check every chain from its first link and yield what is wrong; `each` is called with every event, in order."""
    ends: dict[str, Event] = {}
    chain, sequence, previous = "", 0, ""
    event: Event | None = None
    columns = ", ".join(connection.ops.quote_name(name) for name in COLUMNS)
    for row in stored_rows(f"SELECT {columns} FROM ledger_events ORDER BY chain, sequence"):  # noqa: S608
        if row[0] != chain:
            if event:
                ends[chain] = event
            chain, sequence, previous = row[0], 0, ""
        event = Event(row[0], row[1], iso(row[2]), *row[3:])
        sequence += 1
        if event.sequence != sequence:
            yield Problem(_where(event), f"events {sequence} to before {event.sequence} are missing")
            sequence = event.sequence if isinstance(event.sequence, int) else sequence
        elif event.previous_hash != previous:
            yield Problem(_where(event), "does not follow from the event before it")
        if _hash(event) != event.hash:
            yield Problem(_where(event), "was changed after it was written")
        previous = event.hash
        each(event)
    if event:
        ends[chain] = event
    yield from _cut_tails(ends)


def _where(event: Event) -> str:
    return f"{event.chain} #{event.sequence}"


def _hash(event: Event) -> str:
    """What ledger.models.seal makes of the same values; `detail` is stored in the form that is hashed."""
    return sha256(f'{stored_json(event[:19])[:-1]},{event.detail},"{event.previous_hash}"]')


def _cut_tails(ends: dict[str, Event]) -> Iterator[Problem]:
    """Compare where each chain ends with where its subject says it ends; a chain without one ends with its deletion."""
    for model in apps.get_models():
        if issubclass(model, Chained):
            rows = model._default_manager.order_by("pk").values_list("pk", "ledger_length", "ledger_head")
            for pk, length, head in rows.iterator(chunk_size=ROWS):
                chain = f"{model._meta.model_name}:{pk}"
                last = ends.pop(chain, None)
                if (last.sequence, last.hash) != (length, head) if last else length:
                    yield Problem(chain, f"should end with event {length}, but its last events are missing or other")
    for chain, last in ends.items():
        if not last.action.endswith("_deleted"):
            yield Problem(chain, "is gone, and no event deleted it")
