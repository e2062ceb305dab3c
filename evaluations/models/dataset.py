"""Ground truth: examples of a prompt, and the immutable sets of them that runs are scored on (SPEC 7)."""

from django.db import models
from django.utils import timezone

from common.canonical import CanonicalJSONField
from versions.models import Prompt


class Example(models.Model):
    """One input and what is expected of it. Never changed: an edited example is another one."""

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="examples")
    key = models.CharField(max_length=255)
    input = CanonicalJSONField()
    # Wrapped as {"value": …}, so that an expected null is not an expectation that is missing.
    expected = CanonicalJSONField(null=True)
    weight = models.FloatField(default=1.0)
    tags = CanonicalJSONField(default=list)
    content_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "examples"
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=("prompt", "content_hash"), name="examples_once"),
            models.CheckConstraint(condition=models.Q(weight__gt=0), name="examples_weigh_something"),
        )

    def __str__(self) -> str:
        return self.key


class DatasetVersion(models.Model):
    """One state of a prompt's examples; the newest is the present one."""

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="datasets")
    number = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    count = models.PositiveIntegerField()
    # Against the version before it: examples with a new id, with an old id but another content, and gone.
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=255, blank=True, default="")
    created_by = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now)
    examples = models.ManyToManyField(Example, through="DatasetItem", related_name="datasets")

    class Meta:
        db_table = "dataset_versions"
        ordering = ("prompt", "-number")
        default_permissions = ("view", "change")
        constraints = (models.UniqueConstraint(fields=("prompt", "number"), name="datasets_number_once"),)

    def __str__(self) -> str:
        return f"{self.prompt} examples {self.number}"


class DatasetItem(models.Model):
    """Which example stands where in which set."""

    dataset = models.ForeignKey(DatasetVersion, models.CASCADE, related_name="items")
    example = models.ForeignKey(Example, models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()

    class Meta:
        db_table = "dataset_items"
        ordering = ("position",)
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=("dataset", "position"), name="dataset_items_position_once"),)

    def __str__(self) -> str:
        return f"{self.position}"
