"""Makes the groups Viewer, Prompt engineer and Release manager (SPEC 10)."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

from accounts import roles


def make(apps: Any, schema_editor: Any) -> None:
    using = schema_editor.connection.alias
    # Django makes permissions after all migrations; the groups need them now.
    for app_config in apps.get_app_configs():
        app_config.models_module = True
        create_permissions(app_config, apps=apps, verbosity=0, using=using)
        app_config.models_module = None
    roles.ensure_groups(apps, using)


def remove(apps: Any, schema_editor: Any) -> None:
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    groups.filter(name__in=roles.GROUPS).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("executions", "0001_initial"),
        ("ledger", "0001_initial"),
        ("versions", "0003_guards"),
    ]

    operations = [migrations.RunPython(make, remove)]
