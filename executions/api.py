"""Running and reading executions over JSON (SPEC 6, 9)."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import ASKED
from common import query
from common.errors import NotFound
from common.pagination import Pages
from common.serializers import JSONObject, StrictSerializer, Text, Whole, read
from executions.models import ENVIRONMENTS, Execution, Status
from versions.api.lookup import find_version
from versions.api.versions import press

LONG = ("rendered_prompt", "response_text", "variables", "params")


class ExecutionShape(serializers.ModelSerializer):
    """An execution."""

    prompt_mode = serializers.SerializerMethodField()
    version = serializers.SerializerMethodField()
    variables = serializers.DictField()
    params = serializers.DictField()
    telemetry = serializers.DictField()
    cost_usd = serializers.DecimalField(max_digits=14, decimal_places=8, allow_null=True, normalize_output=True)

    class Meta:
        model = Execution
        fields = (
            "execution_id", "status", "mode", "prompt_name", "prompt_mode", "version", "label", "environment",
            "is_test", "provider", "model_name", "params", "variables", "template_hash", "content_hash",
            "rendered_prompt", "response_text", "response_truncated", "telemetry", "latency_ms", "prompt_tokens",
            "response_tokens", "cost_usd", "attempts", "error_type", "error_message", "created_by", "created_at",
            "started_at", "completed_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_prompt_mode(self, execution: Execution) -> str | None:
        return execution.prompt.mode if execution.prompt else None

    def get_version(self, execution: Execution) -> int | None:
        return execution.version.version if execution.version else None


class ExecutionLine(ExecutionShape):
    """An execution in a list: without the long texts."""

    class Meta(ExecutionShape.Meta):
        fields = tuple(name for name in ExecutionShape.Meta.fields if name not in LONG)


class TestRun(StrictSerializer):
    """What a TEST run takes."""

    variables = JSONObject(required=False)
    provider = Text(required=False, max_length=40)
    model_name = Text(required=False, max_length=200)
    params = JSONObject(required=False)
    revision = Whole(required=False)


class Test(APIView):
    """POST …/versions/{v}/test."""

    needs = {"POST": ASKED}

    @extend_schema(request=TestRun, responses=ExecutionShape)
    def post(self, request: Request, name: str, version: str) -> Response:
        """Run the saved text against the environment of its stage. Missing variables: 400; provider failure: 502."""
        found = find_version(name, version)
        return Response(ExecutionShape(press("test", request, found, read(TestRun, request))).data)


class ExecutionList(APIView):
    """GET /v1/executions."""

    needs = {"GET": "executions.view_execution"}
    pagination_class = Pages

    @extend_schema(
        responses=ExecutionLine(many=True),
        parameters=[
            OpenApiParameter("prompt", str),
            OpenApiParameter("label", str),
            OpenApiParameter("status", str, enum=Status.values),
            OpenApiParameter("environment", str, enum=ENVIRONMENTS),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
        ],
    )
    def get(self, request: Request) -> Response:
        """Executions, newest first."""
        pages = Pages()
        shown = pages.paginate_queryset(filtered(request.query_params, Execution.objects.for_lists()), request)
        return pages.get_paginated_response(ExecutionLine(shown, many=True).data)


def filtered(given: Any, rows: Any) -> Any:
    """The executions that a query asks for, newest first, for API and pages."""
    if prompt := given.get("prompt"):
        rows = rows.filter(prompt_name=prompt)
    if label := given.get("label"):
        rows = rows.filter(label=label)
    if status := query.choice(given, "status", Status.values):
        rows = rows.filter(status=status)
    if environment := query.choice(given, "environment", ENVIRONMENTS):
        rows = rows.filter(environment=environment)
    return rows.select_related("prompt", "version").order_by("-created_at")


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
