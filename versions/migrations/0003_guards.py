"""Puts the database's guards in place; post_migrate keeps them there."""

from typing import Any

from django.db import migrations

from versions import guards


def install(apps: Any, schema_editor: Any) -> None:
    guards.install(schema_editor.connection.alias, [guards.GUARDS])


def lift(apps: Any, schema_editor: Any) -> None:
    guards.lift(schema_editor.connection.alias, [guards.GUARDS])


class Migration(migrations.Migration):
    dependencies = [("versions", "0002_prompt_mode"), ("ledger", "0001_initial")]

    operations = [migrations.RunPython(install, lift)]
