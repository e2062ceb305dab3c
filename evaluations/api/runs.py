"""Evaluations over JSON (SPEC 7, 9): ask for one, list them, read one with every result, end one."""

import uuid
from typing import Any

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import person
from accounts.permissions import ASKED
from common import query
from common.errors import NotFound
from common.pagination import Pages
from common.serializers import Whole, read
from evaluations import starting
from evaluations.models import EvaluationRun, ExampleResult, RunStatus, Verdict
from versions.api.lookup import find_prompt, find_version
from versions.api.shapes import Press
from versions.api.versions import press

RUN = "evaluations.run_evaluation"


class EvaluationLine(serializers.ModelSerializer):
    """An evaluation in a list."""

    prompt = serializers.CharField(source="prompt.name")
    version = serializers.IntegerField(source="version_number")
    dataset = serializers.IntegerField(source="dataset.number")
    verdict = serializers.SerializerMethodField()
    answered = serializers.IntegerField()
    scorer = serializers.DictField()
    figures = serializers.DictField()

    class Meta:
        model = EvaluationRun
        fields = (
            "id", "prompt", "version", "label", "content_hash", "dataset", "scorer", "status", "score", "threshold",
            "verdict", "examples", "repeats", "answered", "errors", "figures", "provider", "model_name", "environment",
            "estimated_cost_usd", "budget_usd", "cost_usd", "error_message", "created_by", "created_at", "started_at",
            "completed_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_verdict(self, run: EvaluationRun) -> str | None:
        return run.verdict or None


class ResultShape(serializers.ModelSerializer):
    """What came of one example in one repeat."""

    example = serializers.CharField(source="example.key")
    input = serializers.DictField(source="example.input")
    expected = serializers.SerializerMethodField()
    tags = serializers.ListField(source="example.tags")
    weight = serializers.FloatField(source="example.weight")
    detail = serializers.DictField()

    class Meta:
        model = ExampleResult
        fields = ("position", "repeat", "example", "input", "expected", "tags", "weight", "actual", "score", "passed",
                  "detail", "error", "latency_ms", "cost_usd")  # fmt: skip
        read_only_fields = fields

    def get_expected(self, result: ExampleResult) -> Any:
        return result.example.expected["value"] if result.example.expected else None


class EvaluationShape(EvaluationLine):
    """An evaluation with every result."""

    results = serializers.SerializerMethodField()

    class Meta(EvaluationLine.Meta):
        fields = (*EvaluationLine.Meta.fields, "results")

    def get_results(self, run: EvaluationRun) -> list[dict[str, Any]]:
        return list(ResultShape(run.results.select_related("example"), many=True).data)


class Ask(Press):
    """POST …/evaluate."""

    repeat = Whole(required=False, max_value=20)
    budget_usd = serializers.DecimalField(max_digits=12, decimal_places=6, required=False, min_value=0)


class Evaluate(APIView):
    """POST …/versions/{v}/evaluate."""

    needs = {"POST": ASKED}

    @extend_schema(request=Ask, responses={201: EvaluationLine})
    def post(self, request: Request, name: str, version: str) -> Response:
        """Queue a scoring of what this version says now, on the present examples; a worker runs it."""
        found = find_version(name, version)
        run = press("evaluate", request, found, read(Ask, request))
        headers = {"Location": f"/v1/evaluations/{run.pk}"}
        return Response(EvaluationLine(find(str(run.pk))).data, status=201, headers=headers)


class EvaluationList(APIView):
    """GET /v1/prompts/{name}/evaluations."""

    pagination_class = Pages

    @extend_schema(
        responses=EvaluationLine(many=True),
        parameters=[
            OpenApiParameter("version", str),
            OpenApiParameter("status", str, enum=RunStatus.values),
            OpenApiParameter("verdict", str, enum=Verdict.values),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
        ],
    )
    def get(self, request: Request, name: str) -> Response:
        """Evaluations of a prompt, newest first."""
        rows = shown().filter(prompt=find_prompt(name))
        if reference := request.query_params.get("version"):
            rows = rows.filter(version_number=find_version(name, reference).version)
        if status := query.choice(request.query_params, "status", RunStatus.values):
            rows = rows.filter(status=status)
        if verdict := query.choice(request.query_params, "verdict", Verdict.values):
            rows = rows.filter(verdict=verdict)
        pages = Pages()
        page = pages.paginate_queryset(rows, request)
        return pages.get_paginated_response(EvaluationLine(page, many=True).data)


class EvaluationDetail(APIView):
    """GET /v1/evaluations/{id}."""

    @extend_schema(responses=EvaluationShape)
    def get(self, request: Request, evaluation: str) -> Response:
        """One evaluation with every result: expected, actual, score, what differs."""
        return Response(EvaluationShape(find(evaluation)).data)


class EvaluationCancel(APIView):
    """POST /v1/evaluations/{id}/cancel."""

    needs = {"POST": RUN}

    @extend_schema(request=None, responses=EvaluationLine)
    def post(self, request: Request, evaluation: str) -> Response:
        """End a run that is queued or running; what is stored stays."""
        run = find(evaluation)
        starting.cancel(run, by=person(request))
        return Response(EvaluationLine(find(evaluation)).data)


def shown() -> Any:
    """Runs with what their shape needs. A subquery counts the answers of those alone that are shown."""
    answers = ExampleResult.objects.filter(run=OuterRef("pk")).order_by().values("run").annotate(n=Count("pk"))
    return (
        EvaluationRun.objects.select_related("prompt", "dataset")
        .annotate(answered=Coalesce(Subquery(answers.values("n")), 0))
        .order_by("-created_at")
    )


def find(reference: str) -> EvaluationRun:
    """Return the evaluation of this id, or raise NotFound."""
    try:
        wanted = uuid.UUID(reference)
    except ValueError:
        wanted = None
    found = wanted and shown().filter(pk=wanted).first()
    if not found:
        raise NotFound(f"There is no evaluation '{reference}'")
    return found
