import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import common.canonical
import common.text


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Attempts",
            fields=[
                ("key", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("window", models.BigIntegerField()),
                ("count", models.PositiveIntegerField()),
            ],
            options={
                "db_table": "attempts",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ledger_length", models.PositiveIntegerField(default=0, editable=False)),
                ("ledger_head", models.CharField(blank=True, default="", editable=False, max_length=64)),
                ("name", models.CharField(max_length=100, validators=[common.text.validate_storable])),
                ("prefix", models.CharField(editable=False, max_length=8, unique=True)),
                ("digest", models.CharField(editable=False, max_length=64)),
                ("scopes", common.canonical.CanonicalJSONField(default=list)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(editable=False, null=True)),
                ("revoked_at", models.DateTimeField(editable=False, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_keys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "db_table": "api_keys",
                "ordering": ("-created_at",),
            },
        ),
    ]
