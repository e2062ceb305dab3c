"""Gives the groups what they may do with examples and evaluations."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

from accounts import roles


def grant(apps: Any, schema_editor: Any) -> None:
    using = schema_editor.connection.alias
    # Django makes permissions after all migrations; the groups need them now.
    app_config = apps.get_app_config("evaluations")
    app_config.models_module = True
    create_permissions(app_config, apps=apps, verbosity=0, using=using)
    app_config.models_module = None
    roles.grant("evaluations", apps, using)


class Migration(migrations.Migration):
    dependencies = [("promptledger", "0001_groups"), ("evaluations", "0001_initial")]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
