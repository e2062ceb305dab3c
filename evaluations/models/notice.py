"""What the program has to tell people about a prompt, until one of them or time resolves it (SPEC 7)."""

from django.db import models
from django.utils import timezone

from evaluations.models.run import EvaluationRun
from versions.models import Prompt, PromptVersion


class NoticeKind(models.TextChoices):
    """What a notice is about."""

    BELOW = "below_threshold", "Below the threshold"
    REGRESSED = "regressed", "Worse than it was"
    SIGNAL = "signal", "Worse in use"
    INCONCLUSIVE = "inconclusive", "Nothing can be said"
    NO_DATA = "no_data", "Too little use to tell"
    NOT_EVALUATED = "not_evaluated", "Not evaluated"
    ROLLED_BACK = "rolled_back", "Rolled back"
    READY = "ready", "Ready for production"


class Proposal(models.TextChoices):
    """What a person may approve."""

    NONE = "", "Nothing"
    PROMOTE = "promote", "Promote to PRD"
    ROLL_BACK = "rollback", "Roll back"


class Resolution(models.TextChoices):
    """How a notice came to its end."""

    APPROVED = "approved", "Approved"
    DISMISSED = "dismissed", "Dismissed"
    OVERTAKEN = "overtaken", "Overtaken by events"


class Notice(models.Model):
    """One notice; open while `resolved_at` is empty. An open one is not repeated."""

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="notices")
    version = models.ForeignKey(PromptVersion, models.SET_NULL, null=True, related_name="notices")
    version_number = models.PositiveIntegerField()
    label = models.CharField(max_length=24)
    kind = models.CharField(max_length=16, choices=NoticeKind)
    text = models.TextField()
    run = models.ForeignKey(EvaluationRun, models.SET_NULL, null=True, related_name="+")
    # What is proposed: to promote this version as it was (content_hash), or to roll back to another one.
    proposal = models.CharField(max_length=8, choices=Proposal, blank=True, default="")
    content_hash = models.CharField(max_length=64)
    target = models.ForeignKey(PromptVersion, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=255, blank=True, default="")
    resolution = models.CharField(max_length=9, choices=Resolution, blank=True, default="")

    class Meta:
        db_table = "notices"
        ordering = ("-created_at", "-pk")
        default_permissions = ("view",)
        permissions = (("resolve_notice", "Can dismiss notices"),)
        constraints = (
            models.UniqueConstraint(
                fields=("prompt", "version_number", "kind"), condition=models.Q(resolved_at=None),
                name="notices_one_open_of_a_kind",
            ),
        )  # fmt: skip
        indexes = (models.Index(fields=("-created_at",), condition=models.Q(resolved_at=None), name="notices_open"),)

    def __str__(self) -> str:
        return f"{self.prompt_id} {self.label} {self.kind}"
