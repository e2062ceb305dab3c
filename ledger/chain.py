"""Writing to the ledger: the only way a LedgerEvent comes to be."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from common.bulk import update_rows
from ledger.actors import Actor
from ledger.models import Chained, LedgerEvent


@dataclass(frozen=True)
class Entry:
    """What is written down of one change; who and when are said once for all entries of a call."""

    action: str
    agent: str = ""
    prompt_id: int | None = None
    prompt: str = ""
    version: int | None = None
    label: str = ""
    from_stage: str = ""
    to_stage: str = ""
    replaced: int | None = None
    reason: str = ""
    before_hash: str = ""
    after_hash: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def link(subject: Chained, *, by: Actor, entries: Iterable[Entry], at: datetime | None = None) -> list[LedgerEvent]:
    """Build the sealed events that continue the subject's chain, and move the head it carries in memory.

    Nothing is stored: `append` does that, and so do bulk writers who store many subjects at once.
    """
    at = at or timezone.now()
    events = []
    for entry in entries:
        event = LedgerEvent(
            chain=subject.ledger_chain,
            sequence=subject.ledger_length + 1,
            at=at,
            actor=by.name,
            actor_kind=by.kind,
            actor_id=by.user_id,
            api_key=by.api_key,
            previous_hash=subject.ledger_head,
            **vars(entry),
        )
        event.seal()
        subject.ledger_length, subject.ledger_head = event.sequence, event.hash
        events.append(event)
    return events


def append(
    subject: Chained,
    *,
    by: Actor,
    entries: Iterable[Entry],
    at: datetime | None = None,
    also: tuple[str, ...] = (),
) -> list[LedgerEvent]:
    """Store the entries and the subject's new head in the caller's transaction; `also` names fields to save with it.

    The caller holds the subject's row lock; without a transaction this raises, because a change and its ledger
    row stand or fall together.
    """
    _require_transaction()
    events = LedgerEvent.objects.bulk_create(link(subject, by=by, entries=entries, at=at))
    subject.save(update_fields=["ledger_length", "ledger_head", *also])
    return events


def append_many(
    changes: Iterable[tuple[Chained, list[Entry]]], *, by: Actor, at: datetime, also: tuple[str, ...] = ()
) -> None:
    """Store the entries of many subjects of one kind, and their heads, in two statements for all of them.

    The caller holds the row locks of all of them, as for `append`.
    """
    _require_transaction()
    changed = list(changes)
    events = [event for subject, entries in changed for event in link(subject, by=by, entries=entries, at=at)]
    if events:
        LedgerEvent.objects.bulk_create(events)
        update_rows(type(changed[0][0]), [subject for subject, _ in changed], ("ledger_length", "ledger_head", *also))


def _require_transaction() -> None:
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("A ledger entry is written in the transaction of its change.")
