"""Texts that no longer stand in any version, kept so that every save can be looked up and brought back."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone

from common.canonical import CanonicalJSONField
from ledger.models import LedgerEvent

if TYPE_CHECKING:
    from versions.models.version import PromptVersion


class SavedText(models.Model):
    """One text with its config under its content hash; ledger rows point here by before_hash and after_hash."""

    content_hash = models.CharField(max_length=64, primary_key=True)
    type = models.CharField(max_length=4)
    template_source = models.TextField()
    config = CanonicalJSONField(default=dict)
    saved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "saved_texts"
        default_permissions = ()

    def __str__(self) -> str:
        return self.content_hash

    @classmethod
    def keep(cls, version: "PromptVersion", kind: str) -> None:
        """Keep what the version says now, before it says something else; the same content is kept once."""
        kept: Any = cls(
            content_hash=version.content_hash,
            type=kind,
            template_source=version.template_source,
            config=version.config,
        )
        cls.objects.bulk_create([kept], ignore_conflicts=True)

    @classmethod
    def find(cls, prompt_id: int, content_hash: str) -> dict[str, Any] | None:
        """Return {template_source, config} of any content that a version of this prompt has or had, or None."""
        from versions.models.version import PromptVersion

        wanted = ("template_source", "config")
        present = PromptVersion.objects.filter(prompt_id=prompt_id, content_hash=content_hash).values(*wanted).first()
        if present:
            return present
        spoken_of = models.Q(before_hash=content_hash) | models.Q(after_hash=content_hash)
        if not LedgerEvent.objects.filter(spoken_of, prompt_id=prompt_id).exists():
            return None
        return cls.objects.filter(content_hash=content_hash).values(*wanted).first()
