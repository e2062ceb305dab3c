"""Where a tracking version comes from: what the ledger says of its registrations."""

from typing import Any

from ledger.models import LedgerEvent
from versions.models import PromptVersion

SHOWN = 3  # registrations that changed nothing; an old instance may come again and again


def origin(version: PromptVersion) -> dict[str, Any] | None:
    """What templates need to say who registered a version, from which commit; None for what people own."""
    if version.prompt.mode != "tracking":
        return None
    rows = LedgerEvent.objects.filter(prompt_id=version.prompt_id, version=version.version).order_by("-id")
    ignored = rows.filter(action="registration_ignored")
    count = ignored.count()
    return {
        "registrations": rows.filter(action="registered"),
        "ignored": ignored[:SHOWN] if count else [],
        "ignored_more": max(count - SHOWN, 0),
    }
