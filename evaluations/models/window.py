"""How a version did in use over one fixed span of time: what online signals are judged by (RELIABILITY 4.6)."""

from django.db import models

from common.canonical import CanonicalJSONField
from versions.models import Prompt, PromptVersion


class WindowVerdict(models.TextChoices):
    """What a window says."""

    HEALTHY = "healthy", "Healthy"
    BREACH = "breach", "Breach"
    NO_DATA = "no_data", "Too little data"


class SignalWindow(models.Model):
    """The figures of one version in one window, written once when the window is over."""

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="windows")
    version = models.ForeignKey(PromptVersion, models.CASCADE, related_name="windows")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    samples = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0)
    timed = models.PositiveIntegerField(default=0)
    slow = models.PositiveIntegerField(default=0, help_text="Slower than nineteen of twenty answers of the baseline.")
    p95_ms = models.PositiveIntegerField(null=True)
    checked = models.PositiveIntegerField(default=0)
    invalid = models.PositiveIntegerField(default=0, help_text="Answers that do not have the shape they should.")
    verdict = models.CharField(max_length=7, choices=WindowVerdict)
    breached = CanonicalJSONField(default=list)
    # What it was compared with: the same figures of the version before, and its label; {} where there was nothing.
    baseline = CanonicalJSONField(default=dict)

    class Meta:
        db_table = "signal_windows"
        ordering = ("version", "-starts_at")
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=("version", "starts_at"), name="signal_windows_once"),)

    def __str__(self) -> str:
        return f"{self.version_id} {self.starts_at:%Y-%m-%d %H:%M}"
