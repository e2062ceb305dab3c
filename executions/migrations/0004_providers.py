import datetime

import django.core.validators
import django.utils.timezone
from django.db import migrations, models

import common.canonical
import common.secrets
import common.text


class Migration(migrations.Migration):
    dependencies = [
        ("executions", "0003_rollups"),
    ]

    operations = [
        migrations.CreateModel(
            name="ModelPrice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ledger_length", models.PositiveIntegerField(default=0, editable=False)),
                ("ledger_head", models.CharField(blank=True, default="", editable=False, max_length=64)),
                (
                    "provider",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="As the provider's settings call it; empty for any.",
                        max_length=40,
                        validators=[common.text.validate_storable],
                    ),
                ),
                (
                    "model",
                    models.CharField(
                        help_text="A model's name, or a pattern: 'gpt-4o-mini', 'llama-*'.",
                        max_length=200,
                        validators=[common.text.validate_storable],
                    ),
                ),
                (
                    "input_per_million",
                    models.DecimalField(
                        decimal_places=6,
                        max_digits=14,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="US$ a million tokens in",
                    ),
                ),
                (
                    "output_per_million",
                    models.DecimalField(
                        decimal_places=6,
                        max_digits=14,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="US$ a million tokens out",
                    ),
                ),
                (
                    "valid_from",
                    models.DateTimeField(
                        default=datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        help_text="Runs before it keep the price that they had, whatever is changed here.",
                    ),
                ),
                ("source", models.CharField(blank=True, default="", editable=False, max_length=100)),
            ],
            options={
                "db_table": "model_prices",
                "ordering": ("provider", "model", "-valid_from"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "model", "valid_from"), name="model_prices_one_at_a_time"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("input_per_million__gte", 0), ("output_per_million__gte", 0)),
                        name="model_prices_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProviderSetting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ledger_length", models.PositiveIntegerField(default=0, editable=False)),
                ("ledger_head", models.CharField(blank=True, default="", editable=False, max_length=64)),
                (
                    "environment",
                    models.CharField(choices=[("dev", "DEV"), ("tst", "TST"), ("prd", "PRD, and RET")], max_length=3),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="What runs and versions call it: their config's 'provider'.",
                        max_length=40,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9][a-z0-9._-]*\\Z",
                                "Small letters, digits, '.', '_' and '-', as 'openai' or 'vllm-2'.",
                            )
                        ],
                    ),
                ),
                ("adapter", models.CharField(help_text="The protocol that is spoken.", max_length=40)),
                (
                    "model",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Asked where neither the run nor the version names one.",
                        max_length=200,
                        validators=[common.text.validate_storable],
                    ),
                ),
                (
                    "base_url",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Empty for the vendor's own. Hosts inside your network: see docs/executions.md.",
                        max_length=500,
                        validators=[common.text.validate_storable],
                        verbose_name="base URL",
                    ),
                ),
                (
                    "params",
                    common.canonical.CanonicalJSONField(
                        blank=True,
                        default=dict,
                        help_text='As {"temperature": 0.2}; the version\'s config and the run go before it.',
                        verbose_name="parameters",
                    ),
                ),
                ("is_default", models.BooleanField(default=True, verbose_name="default of its environment")),
                ("sealed_key", common.secrets.SealedField(blank=True, default="", editable=False)),
                ("key_set_at", models.DateTimeField(editable=False, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "provider_settings",
                "ordering": ("environment", "-is_default", "name"),
                "constraints": [
                    models.UniqueConstraint(fields=("environment", "name"), name="provider_settings_one_of_a_name"),
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)),
                        fields=("environment",),
                        name="provider_settings_one_default",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("environment__in", ["dev", "tst", "prd"])),
                        name="provider_settings_known_environment",
                    ),
                ],
            },
        ),
    ]
