"""Executions: each run of a version on variables, with what was asked and what came back (SPEC 6)."""

import uuid
from typing import Any, Self

from django.db import models
from django.utils import timezone

from common.canonical import CanonicalJSONField
from versions.models import Prompt, PromptVersion


class Status(models.TextChoices):
    """How far a run is."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"


UNFINISHED = (Status.QUEUED, Status.RUNNING)
ENVIRONMENTS = ("dev", "tst", "prd", "ret")


class ExecutionQuerySet(models.QuerySet["Execution"]):
    def for_lists(self) -> Self:
        """Without the long texts."""
        return self.defer("rendered_prompt", "response_text", "variables", "params")


class Execution(models.Model):
    """One run. It outlives its draft: label, hash and filled text stay when the version is deleted."""

    execution_id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    prompt = models.ForeignKey(Prompt, models.SET_NULL, null=True, related_name="executions")
    prompt_name = models.CharField(max_length=255, db_index=True)
    version = models.ForeignKey(PromptVersion, models.SET_NULL, null=True, related_name="executions")
    label = models.CharField(max_length=24)
    template_hash = models.CharField(max_length=64)
    content_hash = models.CharField(max_length=64)
    rendered_prompt = models.TextField()
    variables = CanonicalJSONField(default=dict)
    provider = models.CharField(max_length=40)
    model_name = models.CharField(max_length=200)
    params = CanonicalJSONField(default=dict)
    environment = models.CharField(max_length=3)
    mode = models.CharField(max_length=5, default="sync")
    status = models.CharField(max_length=9, choices=Status, default=Status.QUEUED)
    is_test = models.BooleanField(default=False)
    response_text = models.TextField(null=True)  # noqa: DJ001  (no answer yet is not an empty answer)
    response_truncated = models.BooleanField(default=False)
    latency_ms = models.PositiveIntegerField(null=True)
    prompt_tokens = models.PositiveIntegerField(null=True)
    response_tokens = models.PositiveIntegerField(null=True)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=8, null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error_type = models.CharField(max_length=60, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    correlation_id = models.CharField(max_length=64, blank=True, default="")
    created_by = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    objects = ExecutionQuerySet.as_manager()

    class Meta:
        db_table = "executions"
        ordering = ("-created_at",)
        default_permissions = ("view",)
        permissions = (("run_execution", "Can run prompts"),)
        constraints = (
            models.CheckConstraint(condition=models.Q(status__in=Status.values), name="executions_known_status"),
            models.CheckConstraint(
                condition=models.Q(environment__in=ENVIRONMENTS), name="executions_known_environment"
            ),
            models.CheckConstraint(
                name="executions_answer_when_succeeded",
                condition=~models.Q(status=Status.SUCCEEDED) | models.Q(response_text__isnull=False),
            ),
        )
        indexes = (
            models.Index(fields=("prompt", "-created_at"), name="executions_by_prompt"),
            models.Index(fields=("version", "is_test"), name="executions_by_version"),
        )

    def __str__(self) -> str:
        return f"{self.prompt_name} {self.label} {self.execution_id}"

    @property
    def telemetry(self) -> dict[str, Any]:
        """Tokens, time and money of the run."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "response_tokens": self.response_tokens,
            "latency_ms": self.latency_ms,
            "cost_usd": None if self.cost_usd is None else str(self.cost_usd.normalize() + 0),
        }
