"""Reading executions over JSON: the list with its filters, one run whole."""

import uuid
from typing import Any

from django.db.models import Q
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common import query
from common.errors import BadInput, NotFound
from common.pagination import Pages
from executions.api.shapes import ExecutionLine, ExecutionShape
from executions.models import ENVIRONMENTS, Execution, Mode, Status
from versions.models.prompt import Mode as PromptMode
from versions.numbering import parse_reference

# Query parameter → the field that it must equal.
EQUAL = {
    "prompt": "prompt_name",
    "agent": "prompt__agent__name",
    "status_key": "prompt__status_key",
    "label": "label",
    "provider": "provider",
    "model": "model_name",
    "error_type": "error_type",
    "correlation_id": "correlation_id",
    "created_by": "created_by",
}
CHOICES: dict[str, tuple[str, list[str]]] = {
    "status": ("status", list(Status.values)),
    "environment": ("environment", list(ENVIRONMENTS)),
    "mode": ("mode", list(Mode.values)),
    "prompt_mode": ("prompt__mode", list(PromptMode.values)),
}
FILTERS = [
    *(OpenApiParameter(name, str) for name in (*EQUAL, "version")),
    *(OpenApiParameter(name, str, enum=among) for name, (_, among) in CHOICES.items()),
    OpenApiParameter("is_test", bool),
    *(OpenApiParameter(name, str, description="An instant, or a day, in ISO 8601") for name in ("from", "to")),
]


class ExecutionList(APIView):
    """GET /v1/executions."""

    needs = {"GET": "executions.view_execution"}
    pagination_class = Pages

    @extend_schema(
        responses=ExecutionLine(many=True),
        parameters=[*FILTERS, OpenApiParameter("page", int), OpenApiParameter("page_size", int)],
    )
    def get(self, request: Request) -> Response:
        """Executions, newest first."""
        pages = Pages()
        shown = pages.paginate_queryset(filtered(request.query_params, Execution.objects.for_lists()), request)
        return pages.get_paginated_response(ExecutionLine(shown, many=True).data)


def filtered(given: Any, rows: Any) -> Any:
    """The executions that a query asks for, newest first, for API and pages. Raises BadInput."""
    for name, field in EQUAL.items():
        if value := given.get(name):
            rows = rows.filter(**{field: value})
    for name, (field, among) in CHOICES.items():
        if value := query.choice(given, name, among):
            rows = rows.filter(**{field: value})
    if version := given.get("version"):
        rows = rows.filter(of_version(version))
    if given.get("is_test"):
        rows = rows.filter(is_test=query.flag(given, "is_test"))
    if since := query.instant(given, "from"):
        rows = rows.filter(created_at__gte=since)
    if until := query.instant(given, "to"):
        rows = rows.filter(created_at__lt=until)
    return rows.select_related("prompt", "version").order_by("-created_at", "-pk")


def of_version(reference: str) -> Q:
    """Runs of a version by "2.3", "v2.3" or "7". Raises BadInput."""
    wanted = parse_reference(reference)
    if wanted is None:
        said = f"'{reference[:100]}' is no version: send its integer, or its label, like 2.3 or v2.3."
        raise BadInput(said, errors={"version": [said]})
    return Q(**{f"version__{name}": number for name, number in wanted.items()})


class ExecutionDetail(APIView):
    """GET /v1/executions/{id}."""

    needs = {"GET": "executions.view_execution"}

    @extend_schema(responses=ExecutionShape)
    def get(self, request: Request, execution: str) -> Response:
        """One run, whole."""
        return Response(ExecutionShape(find(execution)).data)


def find(reference: str) -> Execution:
    """Return the execution of this id, or raise NotFound."""
    try:
        wanted = uuid.UUID(reference)
    except ValueError:
        wanted = None
    found = wanted and Execution.objects.select_related("prompt", "version").filter(pk=wanted).first()
    if not found:
        raise NotFound(f"There is no execution '{reference}'")
    return found
