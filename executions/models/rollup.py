"""Rollups: what finished executions add up to, by series and span of days, so that nobody counts a million rows again.

Written by `executions.analytics.folding` only; a rebuild makes them anew from the executions (docs/adr/0026).
"""

from django.db import models


class Series(models.Model):
    """What executions have in common that are added up together. No foreign key: a row outlives its prompt."""

    prompt_id = models.BigIntegerField(null=True)
    prompt_name = models.CharField(max_length=255)
    label = models.CharField(max_length=24)
    provider = models.CharField(max_length=40)
    model_name = models.CharField(max_length=200)
    environment = models.CharField(max_length=3)
    is_test = models.BooleanField()

    class Meta:
        db_table = "execution_series"
        default_permissions = ()
        indexes = (models.Index(fields=("prompt_id", "label"), name="execution_series_by_prompt"),)

    def __str__(self) -> str:
        return f"{self.prompt_name} {self.label} {self.provider} {self.model_name}"


class Rollup(models.Model):
    """The sums of one series over one span of days; without a series, of all TEST runs or all others on one day.

    The sums are named as in `executions.analytics.figures`; `latencies` is a block of `executions.analytics.latencies`.
    """

    series = models.ForeignKey(Series, models.CASCADE, null=True)
    is_test = models.BooleanField()
    span = models.PositiveSmallIntegerField(help_text="How many days.")
    first = models.IntegerField(help_text="The number of the first day; 1 is 0001-01-01.")
    executions = models.BigIntegerField()
    succeeded = models.BigIntegerField()
    failed = models.BigIntegerField()
    canceled = models.BigIntegerField()
    timed = models.BigIntegerField()
    latency_ms = models.BigIntegerField()
    prompt_tokens = models.BigIntegerField()
    response_tokens = models.BigIntegerField()
    priced = models.BigIntegerField()
    cost_e8 = models.BigIntegerField(help_text="In hundred-millionths of a US dollar.")
    latencies = models.BinaryField()

    class Meta:
        db_table = "execution_rollups"
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=("span", "first", "series"),
                condition=models.Q(series__isnull=False),
                name="execution_rollups_once",
            ),
            models.UniqueConstraint(
                fields=("first", "is_test"),
                condition=models.Q(series__isnull=True),
                name="execution_rollups_of_all_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.series_id} {self.first} + {self.span}"


class RollupState(models.Model):
    """The one row that whoever changes rollups locks, and whose number tells a reader that they changed meanwhile."""

    generation = models.BigIntegerField(default=0)
    time_zone = models.CharField(max_length=100, help_text="In which the days were counted.")

    class Meta:
        db_table = "execution_rollup_state"
        default_permissions = ()

    def __str__(self) -> str:
        return f"generation {self.generation}"
