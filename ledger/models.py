"""The append-only record of every change, hash-chained per subject (issue: the ledger; RELIABILITY 1.2, promise 7)."""

from datetime import UTC
from typing import Any

from django.db import models

from common.canonical import CanonicalJSONField, canonical_json, sha256


class Chained(models.Model):
    """Something whose changes are written down: it remembers how long its chain is and the hash of the last link.

    A tail that is cut off behind the ledger's back no longer matches the head kept here.
    """

    ledger_length = models.PositiveIntegerField(default=0, editable=False)
    ledger_head = models.CharField(max_length=64, default="", editable=False, blank=True)

    class Meta:
        abstract = True

    @property
    def ledger_chain(self) -> str:
        """The name of the chain, e.g. "prompt:12"."""
        return f"{self._meta.model_name}:{self.pk}"


class LedgerEvent(models.Model):
    """Who did what, when, from what to what, and why.

    No foreign keys: a row outlives the account, the key and the draft that it speaks of.
    """

    chain = models.CharField(max_length=80)
    sequence = models.PositiveIntegerField()
    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=255, db_index=True)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.BigIntegerField(null=True)
    api_key = models.CharField(max_length=32, blank=True, default="")
    action = models.CharField(max_length=40, db_index=True)
    agent = models.CharField(max_length=255, blank=True, default="")
    prompt_id = models.BigIntegerField(null=True)
    prompt = models.CharField(max_length=255, blank=True, default="", db_index=True)
    version = models.PositiveIntegerField(null=True)
    label = models.CharField(max_length=24, blank=True, default="")
    from_stage = models.CharField(max_length=3, blank=True, default="")
    to_stage = models.CharField(max_length=3, blank=True, default="")
    replaced = models.PositiveIntegerField(null=True, help_text="The version that this change retired.")
    reason = models.TextField(blank=True, default="")
    before_hash = models.CharField(max_length=64, blank=True, default="")
    after_hash = models.CharField(max_length=64, blank=True, default="")
    detail = CanonicalJSONField(default=dict)
    previous_hash = models.CharField(max_length=64, blank=True, default="")
    hash = models.CharField(max_length=64)

    # What the hash covers, in this order; `hash` itself is its result.
    SEALED = (
        "chain", "sequence", "at", "actor", "actor_kind", "actor_id", "api_key", "action", "agent", "prompt_id",
        "prompt", "version", "label", "from_stage", "to_stage", "replaced", "reason", "before_hash", "after_hash",
        "detail", "previous_hash",
    )  # fmt: skip

    class Meta:
        db_table = "ledger_events"
        ordering = ("-at", "-id")
        constraints = (models.UniqueConstraint(fields=("chain", "sequence"), name="ledger_one_event_per_place"),)
        indexes = (models.Index(fields=("prompt_id", "version"), name="ledger_by_version"),)
        # Nobody adds, changes or deletes a row by hand: there is nothing to permit but looking.
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.chain} #{self.sequence} {self.action}"

    def seal(self) -> None:
        """Compute this row's hash over its own fields and the hash before it."""
        self.hash = seal([getattr(self, name) for name in self.SEALED])


def seal(values: list[Any]) -> str:
    """Return the hash of one row: SHA-256 over canonical JSON of the SEALED values in their order."""
    return sha256(canonical_json([value if _plain(value) else value.astimezone(UTC).isoformat() for value in values]))


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | dict)
