"""A prompt's examples over the API: read, replace, add; their versions (SPEC 7, 9)."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import person
from common import query
from common.pagination import Pages
from common.serializers import StrictSerializer, Text, read
from evaluations import datasets, formats
from evaluations.formats import Parsed, Source
from evaluations.models import DatasetVersion, Example
from versions.api.lookup import find_prompt
from versions.models import Prompt

CHANGE = "evaluations.change_datasetversion"
JSON_LINES = "application/jsonl; charset=utf-8"


class DatasetShape(serializers.ModelSerializer):
    """One state of a prompt's examples; added, changed and removed count against the state before it."""

    class Meta:
        model = DatasetVersion
        fields = ("number", "sha256", "count", "added", "changed", "removed", "note", "created_by", "created_at")
        read_only_fields = fields


class ExampleShape(serializers.Serializer):
    """One example. `expected` is absent where nothing is expected."""

    id = serializers.CharField()
    input = serializers.DictField()
    expected = serializers.JSONField(required=False, allow_null=True)
    weight = serializers.FloatField()
    tags = serializers.ListField(child=serializers.CharField())

    def to_representation(self, example: Example) -> dict[str, Any]:
        """The example as it was sent."""
        return datasets.item_of(example).as_json()


class ExamplePage(serializers.Serializer):
    """A page of examples, and the dataset they are of; null where there never were any."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    dataset = DatasetShape(allow_null=True)
    results = ExampleShape(many=True)


class ExamplesGiven(StrictSerializer):
    """Examples as JSON, or as a text in a format; `dataset` is the number that the caller saw, 0 for none."""

    examples = serializers.ListField(child=serializers.JSONField(allow_null=True), required=False)
    format = serializers.ChoiceField(choices=formats.FORMATS, required=False, default="jsonl")
    text = Text(required=False)
    note = Text(required=False, default="", max_length=datasets.NOTE_LENGTH)
    dataset = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """Refuse both and neither."""
        if ("examples" in data) == ("text" in data):
            raise serializers.ValidationError({"examples": ["Send examples, or text with its format."]})
        return data


class ProblemShape(serializers.Serializer):
    """A doubt about one line."""

    where = serializers.CharField()
    said = serializers.CharField()


class StoredReply(DatasetShape):
    """The dataset as it is now; `created` is false where the examples were these already."""

    created = serializers.BooleanField()
    warnings = ProblemShape(many=True)

    class Meta(DatasetShape.Meta):
        fields = (*DatasetShape.Meta.fields, "created", "warnings")
        read_only_fields = fields


def given(request: Request, prompt: Prompt, *, beside: bool) -> tuple[Parsed, dict[str, Any]]:
    """Return what a body holds, checked, and its other fields; `beside`: next to the present examples."""
    data = read(ExamplesGiven, request)
    known = datasets.reads(prompt)
    present = datasets.items_of(datasets.current(prompt)) if beside else []
    if "examples" in data:
        parsed = formats.check(data["examples"], present=present, **known)
    else:
        parsed = formats.parse([Source(data["text"], data["format"])], present=present, **known)
    return parsed, {"note": data["note"], "seen": data.get("dataset")}


def stored(prompt: Prompt, parsed: Parsed, dataset: DatasetVersion, before: DatasetVersion | None) -> Response:
    """What PUT and POST answer."""
    doubts = parsed.warnings[: datasets.SHOWN_PROBLEMS]
    created = before is None or dataset.number > before.number
    body = {
        **DatasetShape(dataset).data,
        "created": created,
        "warnings": [{"where": doubt.where, "said": doubt.said} for doubt in doubts],
    }
    return Response(body, status=201 if created else 200)


class Examples(APIView):
    """The examples of a prompt."""

    needs = {"PUT": CHANGE, "POST": CHANGE}
    pagination_class = Pages

    @extend_schema(
        responses={
            (200, "application/json"): ExamplePage,
            (200, "application/jsonl"): OpenApiResponse(OpenApiTypes.STR, description="One example a line."),
        },
        parameters=[
            OpenApiParameter("dataset", int),
            OpenApiParameter("format", str, enum=["json", "jsonl"]),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
        ],
    )
    def get(self, request: Request, name: str) -> Any:
        """The present examples, or those of an older dataset; all of them as JSON lines with `format=jsonl`."""
        prompt, asked = find_prompt(name), request.query_params
        form = query.choice(asked, "format", ("json", "jsonl"), default="json")
        dataset = datasets.find(prompt, query.optional_number(asked, "dataset"))
        if form == "jsonl":
            return HttpResponse(formats.as_lines(datasets.items_of(dataset)), content_type=JSON_LINES)
        pages = Pages()
        found = Example.objects.filter(items__dataset=dataset).order_by("items__position") if dataset else []
        rows = pages.paginate_queryset(found, request)
        answer = pages.get_paginated_response(ExampleShape(rows, many=True).data)
        answer.data["dataset"] = DatasetShape(dataset).data if dataset else None
        return answer

    @extend_schema(request=ExamplesGiven, responses={200: StoredReply, 201: StoredReply})
    def put(self, request: Request, name: str) -> Response:
        """These are the examples from now on. Equal ones change nothing; a bad line is named, and nothing stored.

        An empty list of `examples` takes all of them away; an empty `text` is refused.
        """
        prompt = find_prompt(name)
        parsed, more = given(request, prompt, beside=False)
        before = datasets.current(prompt)
        items = datasets.refuse_problems(parsed)
        if "text" in request.data:
            datasets.refuse_nothing(items)
        return stored(prompt, parsed, datasets.replace(prompt, by=person(request), examples=items, **more), before)

    @extend_schema(request=ExamplesGiven, responses={201: StoredReply})
    def post(self, request: Request, name: str) -> Response:
        """More examples, behind those that are there. A taken id is named, and nothing stored."""
        prompt = find_prompt(name)
        parsed, more = given(request, prompt, beside=True)
        before = datasets.current(prompt)
        items = datasets.refuse_problems(parsed)
        return stored(prompt, parsed, datasets.add(prompt, by=person(request), examples=items, **more), before)


class Datasets(APIView):
    """The versions of a prompt's examples."""

    pagination_class = Pages

    @extend_schema(
        responses=DatasetShape(many=True), parameters=[OpenApiParameter(name, int) for name in ("page", "page_size")]
    )
    def get(self, request: Request, name: str) -> Response:
        """Every state that the examples had, newest first, with what came, changed and went."""
        pages = Pages()
        rows = pages.paginate_queryset(DatasetVersion.objects.filter(prompt=find_prompt(name)), request)
        return pages.get_paginated_response(DatasetShape(rows, many=True).data)
