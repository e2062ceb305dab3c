"""System checks: `manage.py check --database default` says when a guard is missing."""

from typing import Any

from django.core import checks
from django.db import DatabaseError

from versions import guards


@checks.register(checks.Tags.database)
def guards_stand(app_configs: Any, databases: Any = None, **options: Any) -> list[checks.CheckMessage]:
    """Warn for every guard that is not in place. A warning, or it would stop the migration that repairs it."""
    found: list[checks.CheckMessage] = []
    for alias in databases or []:
        try:
            lacking = guards.missing(alias, guards.due(alias))
        except DatabaseError:
            continue
        if lacking:
            message = f"The database lacks its guards: {', '.join(lacking)}."
            found.append(
                checks.Warning(message, hint="Run `manage.py migrate`: it puts them back.", id="versions.W001")
            )
    return found
