"""Walking the chains: finds any ledger row that was changed, added or removed behind the ledger's back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps

from ledger.models import Chained, LedgerEvent, seal

COLUMNS = (*LedgerEvent.SEALED, "hash")


@dataclass(frozen=True)
class Problem:
    """One thing that does not add up: where, and what, in a sentence."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def walk(each: Callable[[dict[str, Any]], None] = lambda event: None) -> Iterator[Problem]:
    """Check every chain from its first link and yield what is wrong; `each` is called with every event, in order."""
    heads: dict[str, tuple[int, str]] = {}
    chain, sequence, previous = "", 0, ""
    rows = LedgerEvent.objects.order_by("chain", "sequence").values_list(*COLUMNS)
    for row in rows.iterator(chunk_size=5_000):
        event = dict(zip(COLUMNS, row, strict=True))
        if event["chain"] != chain:
            heads[chain] = sequence, previous
            chain, sequence, previous = event["chain"], 0, ""
        where = f"{chain} #{event['sequence']}"
        if event["sequence"] != sequence + 1:
            yield Problem(where, f"events {sequence + 1} to {event['sequence'] - 1} are missing")
        elif event["previous_hash"] != previous:
            yield Problem(where, "does not follow from the event before it")
        if seal(list(row[:-1])) != event["hash"]:
            yield Problem(where, "was changed after it was written")
        sequence, previous = event["sequence"], event["hash"]
        each(event)
    heads[chain] = sequence, previous
    heads.pop("", None)
    yield from _cut_tails(heads)


def _cut_tails(heads: dict[str, tuple[int, str]]) -> Iterator[Problem]:
    """Compare where each chain ends with where its subject says it ends."""
    for model in apps.get_models():
        if issubclass(model, Chained):
            rows = model._default_manager.order_by("pk").values_list("pk", "ledger_length", "ledger_head")
            for pk, length, head in rows.iterator(chunk_size=5_000):
                chain = f"{model._meta.model_name}:{pk}"
                if heads.get(chain, (0, "")) != (length, head):
                    yield Problem(chain, f"should end with event {length}, but its last events are missing or other")
