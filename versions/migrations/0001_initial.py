import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import common.canonical
import common.text
import versions.models.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("agents", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedText",
            fields=[
                ("content_hash", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("type", models.CharField(max_length=4)),
                ("template_source", models.TextField()),
                ("config", common.canonical.CanonicalJSONField(default=dict)),
                ("saved_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "db_table": "saved_texts",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Prompt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ledger_length", models.PositiveIntegerField(default=0, editable=False)),
                ("ledger_head", models.CharField(blank=True, default="", editable=False, max_length=64)),
                (
                    "name",
                    models.CharField(
                        max_length=255,
                        unique=True,
                        validators=[
                            django.core.validators.MinLengthValidator(1),
                            common.text.validate_name,
                            versions.models.fields.refuse_reserved_name,
                        ],
                    ),
                ),
                (
                    "status_key",
                    models.CharField(
                        default="default",
                        max_length=255,
                        validators=[
                            django.core.validators.MinLengthValidator(1),
                            common.text.validate_storable,
                        ],
                    ),
                ),
                (
                    "title",
                    models.CharField(
                        blank=True, default="", max_length=255, validators=[common.text.validate_storable]
                    ),
                ),
                (
                    "description",
                    models.TextField(blank=True, default="", validators=[common.text.validate_storable]),
                ),
                (
                    "owner_team",
                    models.CharField(
                        blank=True, default="", max_length=255, validators=[common.text.validate_storable]
                    ),
                ),
                (
                    "type",
                    models.CharField(
                        choices=[("text", "Text"), ("chat", "Chat")], default="text", max_length=4
                    ),
                ),
                (
                    "template_format",
                    models.CharField(
                        choices=[("simple", "{{ name }}, one pass"), ("jinja2", "Jinja2, sandboxed")],
                        default="simple",
                        max_length=8,
                    ),
                ),
                (
                    "metadata",
                    common.canonical.CanonicalJSONField(
                        blank=True, default=dict, validators=[versions.models.fields.check_metadata]
                    ),
                ),
                ("highest_version", models.PositiveIntegerField(default=0, editable=False)),
                ("highest_major", models.PositiveIntegerField(default=0, editable=False)),
                ("highest_minor", models.PositiveIntegerField(default=0, editable=False)),
                ("created_by", models.CharField(default="", editable=False, max_length=255)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("archived_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "agent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="prompts",
                        to="agents.agent",
                    ),
                ),
            ],
            options={
                "db_table": "prompts",
                "ordering": ("name",),
                "permissions": (("register_code", "Can register prompts from code"),),
            },
        ),
        migrations.CreateModel(
            name="PromptTag",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(db_index=True, max_length=50)),
                (
                    "prompt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tag_rows",
                        to="versions.prompt",
                    ),
                ),
            ],
            options={
                "db_table": "prompt_tags",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="PromptVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("major", models.PositiveIntegerField()),
                ("minor", models.PositiveIntegerField()),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("DEV", "Draft in development"),
                            ("TST", "Testing"),
                            ("PRD", "Current production"),
                            ("RET", "Retired"),
                        ],
                        default="DEV",
                        max_length=3,
                    ),
                ),
                ("template_source", models.TextField()),
                ("config", common.canonical.CanonicalJSONField(blank=True, default=dict)),
                ("checksum_hash", models.CharField(editable=False, max_length=64)),
                ("content_hash", models.CharField(db_index=True, editable=False, max_length=64)),
                ("commit_message", models.TextField(blank=True, default="")),
                ("is_default_from_code", models.BooleanField(default=False)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("based_on", models.PositiveIntegerField(null=True)),
                ("rollback_of", models.PositiveIntegerField(null=True)),
                ("commit", models.CharField(blank=True, default="", max_length=64)),
                ("committed_at", models.DateTimeField(null=True)),
                ("created_by", models.CharField(max_length=255)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("deployed_at", models.DateTimeField(null=True)),
                ("retired_at", models.DateTimeField(null=True)),
                ("archived_at", models.DateTimeField(null=True)),
                (
                    "prompt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="versions.prompt",
                    ),
                ),
            ],
            options={
                "db_table": "prompt_versions",
                "ordering": ("prompt", "-version"),
                "permissions": (
                    ("edit_promptversion", "Can edit drafts in place"),
                    ("test_promptversion", "Can test versions"),
                    ("promote_to_tst", "Can promote to TST"),
                    ("promote_to_prd", "Can promote to PRD"),
                    ("create_promptversion", "Can create new versions"),
                    ("archive_promptversion", "Can archive drafts"),
                    ("rollback_promptversion", "Can roll back to a retired version"),
                    ("approve_promptversion", "Can approve versions"),
                    ("override_gate", "Can override a gate"),
                ),
            },
        ),
        migrations.AddConstraint(
            model_name="prompt",
            constraint=models.UniqueConstraint(
                fields=("agent", "status_key"),
                name="prompts_one_per_slot",
                violation_error_message="This agent already has a prompt for this status key.",
            ),
        ),
        migrations.AddConstraint(
            model_name="prompttag",
            constraint=models.UniqueConstraint(fields=("prompt", "name"), name="prompt_tags_once"),
        ),
        migrations.AddIndex(
            model_name="promptversion",
            index=models.Index(fields=["stage", "prompt"], name="versions_by_stage"),
        ),
        migrations.AddIndex(
            model_name="promptversion",
            index=models.Index(fields=["prompt", "deployed_at"], name="versions_by_deployment"),
        ),
        migrations.AddConstraint(
            model_name="promptversion",
            constraint=models.UniqueConstraint(fields=("prompt", "version"), name="versions_number_once"),
        ),
        migrations.AddConstraint(
            model_name="promptversion",
            constraint=models.UniqueConstraint(
                fields=("prompt", "major", "minor"), name="versions_label_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="promptversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stage", "PRD")), fields=("prompt",), name="versions_one_in_production"
            ),
        ),
        migrations.AddConstraint(
            model_name="promptversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("stage__in", ["DEV", "TST", "PRD", "RET"])), name="versions_known_stage"
            ),
        ),
        migrations.AddConstraint(
            model_name="promptversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("major__gte", 1), ("version__gte", 1)), name="versions_from_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="promptversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("deployed_at", None), ("retired_at", None), ("stage__in", frozenset(["DEV", "TST"]))
                    ),
                    models.Q(("deployed_at__isnull", False), ("retired_at", None), ("stage", "PRD")),
                    models.Q(
                        ("deployed_at__isnull", False),
                        ("retired_at__gte", models.F("deployed_at")),
                        ("stage", "RET"),
                    ),
                    _connector="OR",
                ),
                name="versions_dates_fit_stage",
            ),
        ),
        migrations.AddConstraint(
            model_name="promptversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("archived_at", None), ("stage__in", frozenset(["DEV", "TST"])), _connector="OR"
                ),
                name="versions_only_drafts_archived",
            ),
        ),
    ]
