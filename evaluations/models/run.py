"""One scoring of a version on a set of examples, kept for ever (SPEC 7)."""

import uuid

from django.db import models
from django.utils import timezone

from common.canonical import CanonicalJSONField
from evaluations.models.dataset import DatasetVersion, Example
from executions.models import ENVIRONMENTS
from versions.models import Prompt, PromptVersion


class RunStatus(models.TextChoices):
    """How far a run is."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Finished"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"


UNFINISHED = (RunStatus.QUEUED, RunStatus.RUNNING)


class Verdict(models.TextChoices):
    """What a finished run says: inconclusive is neither, and blocks like a fail, but may be tried again."""

    PASS = "pass", "Pass"
    FAIL = "fail", "Fail"
    INCONCLUSIVE = "inconclusive", "Inconclusive"


class EvaluationRun(models.Model):
    """One scoring: what was scored, on what, how, and what came of it. It outlives its draft."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="evaluation_runs")
    version = models.ForeignKey(PromptVersion, models.SET_NULL, null=True, related_name="evaluation_runs")
    version_number = models.PositiveIntegerField()
    label = models.CharField(max_length=24)
    # What the evidence is bound to: another text, other examples or another way to score make it out of date.
    content_hash = models.CharField(max_length=64)
    dataset = models.ForeignKey(DatasetVersion, models.RESTRICT, related_name="runs")
    scorer = CanonicalJSONField()
    scorer_hash = models.CharField(max_length=64)
    repeats = models.PositiveSmallIntegerField(default=1)
    provider = models.CharField(max_length=40, blank=True, default="")
    model_name = models.CharField(max_length=200, blank=True, default="")
    params = CanonicalJSONField(default=dict)
    environment = models.CharField(max_length=3)
    status = models.CharField(max_length=9, choices=RunStatus, default=RunStatus.QUEUED)
    score = models.FloatField(null=True)
    threshold = models.FloatField(null=True)
    verdict = models.CharField(max_length=12, choices=Verdict, blank=True, default="")
    examples = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0)
    # Figures beside the score: interval, drop against the baseline, must-pass tags, the smallest drop that can be seen.
    figures = CanonicalJSONField(default=dict)
    baseline = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    estimated_cost_usd = models.DecimalField(max_digits=14, decimal_places=8, null=True)
    budget_usd = models.DecimalField(max_digits=14, decimal_places=8, null=True)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=8, null=True)
    error_message = models.TextField(blank=True, default="")
    # Who works on it: a claim with a lease on the database's clock, as for executions.
    fence = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "evaluation_runs"
        ordering = ("-created_at",)
        default_permissions = ("view",)
        permissions = (("run_evaluation", "Can evaluate versions"),)
        constraints = (
            models.CheckConstraint(condition=models.Q(status__in=RunStatus.values), name="evaluations_known_status"),
            models.CheckConstraint(
                condition=models.Q(environment__in=ENVIRONMENTS), name="evaluations_known_environment"
            ),
            models.CheckConstraint(
                condition=models.Q(verdict__in=["", *Verdict.values]), name="evaluations_known_verdict"
            ),
        )
        indexes = (
            models.Index(fields=("prompt", "content_hash", "-created_at"), name="evaluations_by_content"),
            models.Index(fields=("status", "leased_until"), name="evaluations_waiting"),
        )

    def __str__(self) -> str:
        return f"{self.prompt_id} {self.label} {self.id}"


class ExampleResult(models.Model):
    """What came of one example in one repeat of a run."""

    run = models.ForeignKey(EvaluationRun, models.CASCADE, related_name="results")
    example = models.ForeignKey(Example, models.RESTRICT, related_name="results")
    position = models.PositiveIntegerField()
    repeat = models.PositiveSmallIntegerField(default=1)
    actual = models.TextField(blank=True, default="")
    score = models.FloatField(null=True)
    passed = models.BooleanField(null=True)
    detail = CanonicalJSONField(default=dict)
    error = models.CharField(max_length=500, blank=True, default="")
    latency_ms = models.PositiveIntegerField(null=True)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=8, null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "evaluation_results"
        ordering = ("position", "repeat")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=("run", "position", "repeat"), name="evaluation_results_once"),
            models.CheckConstraint(
                condition=models.Q(score=None) | models.Q(score__gte=0, score__lte=1), name="evaluation_results_score"
            ),
        )

    def __str__(self) -> str:
        return f"{self.run_id} {self.position}.{self.repeat}"
