"""Short ways to register and to look at what came of it."""

from datetime import UTC, datetime
from typing import Any

from ledger.models import LedgerEvent
from repository.items import read_items
from repository.registration import register
from tests.factories import TESTER
from versions.models import Prompt, PromptVersion

T1, T2, T3 = (f"2026-01-0{day}T12:00:00Z" for day in (1, 2, 3))


def send(*items: dict[str, Any], dry_run: bool = False) -> list[dict[str, Any]]:
    """Register items as the API would."""
    return register(read_items(list(items)), by=TESTER, dry_run=dry_run)


def one(text: str = "Hello {{ name }}", name: str = "WELCOME", **fields: Any) -> dict[str, Any]:
    """Register one item; return its result."""
    return send({"name": name, "template_source": text, **fields})[0]


def s1(result: dict[str, Any]) -> tuple[Any, ...]:
    """What S1-20 says of a result."""
    return tuple(result[key] for key in ("name", "mode", "version", "change_detected", "previous_version"))


def stages(name: str = "WELCOME") -> list[tuple[int, str, str]]:
    """Every version of a prompt: number, stage, text."""
    rows = PromptVersion.objects.filter(prompt__name=name).order_by("version")
    return list(rows.values_list("version", "stage", "template_source"))


def everything() -> tuple[Any, ...]:
    """All rows that a registration could touch."""
    tables = (Prompt, PromptVersion, LedgerEvent, Prompt._meta.get_field("agent").related_model)
    return tuple(list(table.objects.order_by("pk").values()) for table in tables)


def actions() -> list[str]:
    """What the ledger says, oldest first."""
    return list(LedgerEvent.objects.order_by("pk").values_list("action", flat=True))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
