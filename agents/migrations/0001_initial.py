import django.core.validators
import django.utils.timezone
from django.db import migrations, models

import common.text


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Agent",
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
                        validators=[common.text.validate_name, django.core.validators.MinLengthValidator(1)],
                    ),
                ),
                (
                    "description",
                    models.TextField(blank=True, default="", validators=[common.text.validate_storable]),
                ),
                (
                    "primary_status_key",
                    models.CharField(
                        default="default",
                        help_text="The status key whose production prompt stands in where a requested one has none.",
                        max_length=255,
                        validators=[common.text.validate_storable],
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("archived_at", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "db_table": "agents",
                "ordering": ("name",),
            },
        ),
    ]
