import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import common.canonical


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("versions", "0003_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="Execution",
            fields=[
                (
                    "execution_id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("prompt_name", models.CharField(db_index=True, max_length=255)),
                ("label", models.CharField(max_length=24)),
                ("template_hash", models.CharField(max_length=64)),
                ("content_hash", models.CharField(max_length=64)),
                ("rendered_prompt", models.TextField()),
                ("variables", common.canonical.CanonicalJSONField(default=dict)),
                ("provider", models.CharField(max_length=40)),
                ("model_name", models.CharField(max_length=200)),
                ("params", common.canonical.CanonicalJSONField(default=dict)),
                ("environment", models.CharField(max_length=3)),
                ("mode", models.CharField(default="sync", max_length=5)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("canceled", "Canceled"),
                        ],
                        default="queued",
                        max_length=9,
                    ),
                ),
                ("is_test", models.BooleanField(default=False)),
                ("response_text", models.TextField(null=True)),
                ("response_truncated", models.BooleanField(default=False)),
                ("latency_ms", models.PositiveIntegerField(null=True)),
                ("prompt_tokens", models.PositiveIntegerField(null=True)),
                ("response_tokens", models.PositiveIntegerField(null=True)),
                ("cost_usd", models.DecimalField(decimal_places=8, max_digits=14, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("error_type", models.CharField(blank=True, default="", max_length=60)),
                ("error_message", models.TextField(blank=True, default="")),
                ("correlation_id", models.CharField(blank=True, default="", max_length=64)),
                ("created_by", models.CharField(max_length=255)),
                ("created_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("started_at", models.DateTimeField(null=True)),
                ("completed_at", models.DateTimeField(null=True)),
                (
                    "prompt",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="executions",
                        to="versions.prompt",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="executions",
                        to="versions.promptversion",
                    ),
                ),
            ],
            options={
                "db_table": "executions",
                "ordering": ("-created_at",),
                "permissions": (("run_execution", "Can run prompts"),),
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["prompt", "-created_at"], name="executions_by_prompt"),
                    models.Index(fields=["version", "is_test"], name="executions_by_version"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["queued", "running", "succeeded", "failed", "canceled"])
                        ),
                        name="executions_known_status",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("environment__in", ("dev", "tst", "prd", "ret"))),
                        name="executions_known_environment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "succeeded"), _negated=True),
                            ("response_text__isnull", False),
                            _connector="OR",
                        ),
                        name="executions_answer_when_succeeded",
                    ),
                ],
            },
        ),
    ]
