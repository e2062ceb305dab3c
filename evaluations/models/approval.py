"""Somebody's word that a version may go to production, bound to what it says (SPEC 7)."""

from django.db import models
from django.utils import timezone

from versions.models import Prompt, PromptVersion


class Approval(models.Model):
    """One approval. It counts while the version says what was approved; an edit leaves it behind."""

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="approvals")
    version = models.ForeignKey(PromptVersion, models.CASCADE, related_name="approvals")
    content_hash = models.CharField(max_length=64)
    approved_by = models.CharField(max_length=255)
    user_id = models.BigIntegerField(null=True)  # no foreign key: it outlives the account
    reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "approvals"
        ordering = ("created_at",)
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(fields=("version", "content_hash", "approved_by"), name="approvals_once"),
        )

    def __str__(self) -> str:
        return f"{self.version_id} by {self.approved_by}"
