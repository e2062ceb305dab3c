"""The generation of what is served, and the triggers that count it up."""

from typing import Any

from django.conf import settings
from django.db import migrations, models

from versions import guards


def install(apps: Any, schema_editor: Any) -> None:
    guards.install(schema_editor.connection.alias, [guards.WATCHES])


def lift(apps: Any, schema_editor: Any) -> None:
    guards.lift(schema_editor.connection.alias, [guards.WATCHES])


class Migration(migrations.Migration):
    dependencies = [
        ("versions", "0003_guards"),
        ("agents", "0001_initial"),
        ("accounts", "0002_key_outlives_user"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ServedGeneration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.BigIntegerField()),
            ],
            options={"db_table": "served_generation", "default_permissions": ()},
        ),
        migrations.RunPython(install, lift),
    ]
