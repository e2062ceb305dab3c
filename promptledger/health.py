"""Is it alive, and is it fit to serve (SPEC 9)."""

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from promptledger import __version__
from versions import guards


def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok", "version": __version__})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, all migrations are applied and all guards stand; else 503 that says what not."""
    problems: dict[str, object] = {}
    try:
        executor = MigrationExecutor(connection)
        if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
            problems["migrations"] = [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
        elif lacking := guards.missing():
            problems["guards"] = lacking
    except Error:
        problems["database"] = "does not answer"
    body = {"status": "not ready" if problems else "ok", "version": __version__, **problems}
    return JsonResponse(body, status=503 if problems else 200)
