from django.db import migrations, models

import common.canonical


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="LedgerEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("chain", models.CharField(max_length=80)),
                ("sequence", models.PositiveIntegerField()),
                ("at", models.DateTimeField(db_index=True)),
                ("actor", models.CharField(db_index=True, max_length=255)),
                ("actor_kind", models.CharField(max_length=10)),
                ("actor_id", models.BigIntegerField(null=True)),
                ("api_key", models.CharField(blank=True, default="", max_length=32)),
                ("action", models.CharField(db_index=True, max_length=40)),
                ("agent", models.CharField(blank=True, default="", max_length=255)),
                ("prompt_id", models.BigIntegerField(null=True)),
                ("prompt", models.CharField(blank=True, db_index=True, default="", max_length=255)),
                ("version", models.PositiveIntegerField(null=True)),
                ("label", models.CharField(blank=True, default="", max_length=24)),
                ("from_stage", models.CharField(blank=True, default="", max_length=3)),
                ("to_stage", models.CharField(blank=True, default="", max_length=3)),
                (
                    "replaced",
                    models.PositiveIntegerField(help_text="The version that this change retired.", null=True),
                ),
                ("reason", models.TextField(blank=True, default="")),
                ("before_hash", models.CharField(blank=True, default="", max_length=64)),
                ("after_hash", models.CharField(blank=True, default="", max_length=64)),
                ("detail", common.canonical.CanonicalJSONField(default=dict)),
                ("previous_hash", models.CharField(blank=True, default="", max_length=64)),
                ("hash", models.CharField(max_length=64)),
            ],
            options={
                "db_table": "ledger_events",
                "ordering": ("-at", "-id"),
                "default_permissions": ("view",),
                "indexes": [models.Index(fields=["prompt_id", "version"], name="ledger_by_version")],
                "constraints": [
                    models.UniqueConstraint(fields=("chain", "sequence"), name="ledger_one_event_per_place")
                ],
            },
        ),
    ]
