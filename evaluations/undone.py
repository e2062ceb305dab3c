"""Which texts of a prompt were rolled back: they need an override to be promoted again (RELIABILITY 4.6)."""

from ledger.models import LedgerEvent
from versions.models import Prompt, PromptVersion

ROLLED_BACK = "rolled_back"


def texts(prompt: Prompt) -> set[str]:
    """The content hashes of the versions that a rollback took out of production, by a person or by the program."""
    events = LedgerEvent.objects.filter(prompt_id=prompt.pk, action=ROLLED_BACK, replaced__isnull=False)
    replaced = dict(events.values_list("replaced", "after_hash"))
    rows = PromptVersion.objects.filter(prompt=prompt, version__in=list(replaced))
    # A rollback to the same text takes nothing back.
    return {digest for number, digest in rows.values_list("version", "content_hash") if replaced[number] != digest}
