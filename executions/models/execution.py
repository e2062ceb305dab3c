"""Executions: each run of a version on variables, with what was asked and what came back (SPEC 6)."""

import uuid
from typing import Any, Self

from django.db import models
from django.db.models.expressions import RawSQL
from django.utils import timezone

from common import correlation
from common.canonical import CanonicalJSONField
from versions.models import Prompt, PromptVersion


class Status(models.TextChoices):
    """How far a run is."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"


class Mode(models.TextChoices):
    """Whether the caller waits for the answer."""

    SYNC = "sync", "At once"
    ASYNC = "async", "In the background"


UNFINISHED = (Status.QUEUED, Status.RUNNING)
ENVIRONMENTS = ("dev", "tst", "prd", "ret")


def unfinished() -> models.Q:
    """A condition: without an end. Written out: SQLite finds a partial index by constants only, not by parameters.

    Without it, each look of a worker into an empty queue reads the whole log.
    """
    said = ", ".join(f"'{status.value}'" for status in UNFINISHED)
    return models.Q(RawSQL(f"executions.status IN ({said})", (), models.BooleanField()))  # noqa: S611  (no text of others)


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
    mode = models.CharField(max_length=5, default=Mode.SYNC)
    status = models.CharField(max_length=9, choices=Status, default=Status.QUEUED)
    is_test = models.BooleanField(default=False)
    response_text = models.TextField(null=True)  # noqa: DJ001  (no answer yet is not an empty answer)
    response_truncated = models.BooleanField(default=False)
    latency_ms = models.PositiveIntegerField(null=True)
    prompt_tokens = models.PositiveIntegerField(null=True)
    response_tokens = models.PositiveIntegerField(null=True)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=8, null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # What each attempt came to: {"attempt", "at", "ms", "worker", "error_type", "error_message", "retry_in"}.
    attempt_log = CanonicalJSONField(default=list)
    error_type = models.CharField(max_length=60, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    correlation_id = models.CharField(max_length=correlation.LENGTH, blank=True, default="")
    # Where it belongs in a trace, for the worker that carries it out (common.telemetry.carry).
    trace_context = models.CharField(max_length=600, blank=True, default="", db_default="", editable=False)
    # A caller's own name for the request: the same key never runs twice. The hash says whether it is the same request.
    idempotency_key = models.CharField(max_length=255, blank=True, default="")
    request_hash = models.CharField(max_length=64, blank=True, default="")
    # Who works on it: a claim raises the fence, and only who holds the newest one may store a result.
    worker = models.CharField(max_length=255, blank=True, default="")
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    announced_at = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    in_rollup = models.BooleanField(default=False, db_default=False, editable=False)

    objects = ExecutionQuerySet.as_manager()

    class Meta:
        db_table = "executions"
        ordering = ("-created_at",)
        default_permissions = ("view",)
        permissions = (("run_execution", "Can run prompts"),)
        constraints = (
            models.UniqueConstraint(
                fields=("prompt", "idempotency_key"),
                condition=~models.Q(idempotency_key=""),
                name="executions_one_for_a_key",
            ),
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
            # What a worker looks for: few rows, however long the log is.
            models.Index(
                fields=("created_at",), condition=models.Q(status__in=UNFINISHED), name="executions_unfinished"
            ),
            models.Index(
                fields=("correlation_id",), condition=~models.Q(correlation_id=""), name="executions_by_correlation"
            ),
            # What analytics adds up row by row: few, once they are folded.
            models.Index(fields=("created_at",), condition=models.Q(in_rollup=False), name="executions_not_folded"),
            models.Index(fields=("prompt", "-created_at"), name="executions_by_prompt"),
            models.Index(fields=("version", "is_test"), name="executions_by_version"),
        )

    def __str__(self) -> str:
        return f"{self.prompt_name} {self.label} {self.execution_id}"

    @property
    def is_finished(self) -> bool:
        """Whether it has its end: from then on nothing about it changes."""
        return self.status not in UNFINISHED

    @property
    def telemetry(self) -> dict[str, Any]:
        """Tokens, time and money of the run."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "response_tokens": self.response_tokens,
            "latency_ms": self.latency_ms,
            "cost_usd": None if self.cost_usd is None else str(self.cost_usd.normalize() + 0),
        }
