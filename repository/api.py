"""Code registers its prompts over JSON (S1-32 to S1-35)."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import person
from common import query
from common.serializers import JSONObject, StrictSerializer, Text, Whole, read
from ledger.verify import one_moment
from repository import exporting, registry
from repository.files.yaml_text import REGISTRY_LIMIT, written
from repository.items import STAGES, read_items
from repository.registration import register
from versions.models.prompt import Kind, TemplateFormat

FORMATS = ("json", "yaml")


class ItemShape(serializers.Serializer):
    """One prompt as code declares it; what is left out stays as it is. `name` or `agent` is required."""

    name = Text(required=False)
    template_source = Text(help_text="The text; of a chat prompt a list of messages, or that list as JSON text.")
    template_hash = Text(required=False)
    agent = Text(required=False)
    status_key = Text(required=False)
    title = Text(required=False)
    type = serializers.ChoiceField(Kind.choices, required=False)
    template_format = serializers.ChoiceField(TemplateFormat.choices, required=False)
    config = JSONObject(required=False)
    is_primary_default = serializers.BooleanField(required=False)
    environment = serializers.ChoiceField(tuple(STAGES), required=False)
    commit = Text(required=False)
    committed_at = serializers.DateTimeField(required=False)


class RegistrationShape(serializers.Serializer):
    """What a registration takes: up to 10,000 prompts."""

    prompts = ItemShape(many=True)
    dry_run = serializers.BooleanField(required=False)


class JSONValue(serializers.Field):
    """Any JSON as it was sent."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class Registration(StrictSerializer):
    """The same, read: the items are read by `read_items`, ten thousand of them in a second."""

    prompts = JSONValue(required=False, allow_null=True)
    dry_run = serializers.BooleanField(default=False)


class Registered(serializers.Serializer):
    """What came of one item (S1-20): more keys say why."""

    name = serializers.CharField()
    mode = serializers.CharField()
    version = Whole()
    change_detected = serializers.BooleanField()
    previous_version = Whole(allow_null=True)
    label = serializers.CharField()
    stage = serializers.CharField()
    checksum_hash = serializers.CharField()
    agent = serializers.CharField(allow_null=True)
    status_key = serializers.CharField()
    created = serializers.BooleanField()
    restored_from = Whole(required=False)
    stale = serializers.BooleanField(required=False)
    hash_mismatch = serializers.BooleanField(required=False)


class RegistrationReply(serializers.Serializer):
    """One result for each item, in their order."""

    registered = Registered(many=True)


class StandingShape(serializers.Serializer):
    """A version as the registry names it."""

    version = Whole()
    label = serializers.CharField()
    stage = serializers.CharField()
    sha256 = serializers.CharField()
    deployed_at = serializers.DateTimeField(allow_null=True)
    retired_at = serializers.DateTimeField(allow_null=True)
    file = serializers.CharField(help_text="Its path in an exported tree.")


class RowShape(serializers.Serializer):
    """What the registry says of one prompt."""

    description = serializers.CharField()
    agent = serializers.CharField(allow_null=True)
    status_key = serializers.CharField()
    mode = serializers.CharField()
    type = serializers.CharField()
    threshold = serializers.FloatField(allow_null=True)
    production = StandingShape(allow_null=True)
    draft = StandingShape(allow_null=True)
    versions = StandingShape(many=True)
    examples = serializers.DictField(allow_null=True)
    evaluation = serializers.DictField(allow_null=True)
    files = serializers.ListField(child=serializers.CharField())


class RegistryShape(serializers.Serializer):
    """Agents and prompts, by name: what prompt_registry.yaml holds."""

    schema_version = serializers.IntegerField()
    agents = serializers.DictField(child=serializers.DictField())
    prompts = serializers.DictField(child=RowShape())


class Registry(APIView):
    """GET /v1/registry."""

    @extend_schema(
        responses={
            (200, "application/json"): RegistryShape,
            (200, "application/yaml"): OpenApiResponse(RegistryShape, description="As export_prompts writes it."),
        },
        parameters=[OpenApiParameter("format", str, enum=list(FORMATS))],
    )
    def get(self, request: Request) -> Any:
        """Every prompt: what is live, newest draft, threshold, versions, examples, last result, files (S3-31)."""
        form = query.choice(request.query_params, "format", FORMATS, default="json")
        with one_moment():
            found = registry.document(
                {held.prompt.name: registry.row(held) for held in exporting.holdings(texts=False)}
            )
        if form == "yaml":
            return HttpResponse(written(found, REGISTRY_LIMIT), content_type="application/yaml; charset=utf-8")
        return Response(found)


class RegisterCode(APIView):
    """POST /v1/prompts/register-code."""

    needs = {"POST": "versions.register_code"}

    @extend_schema(request=RegistrationShape, responses=RegistrationReply)
    def post(self, request: Request) -> Response:
        """Register what code runs: all or nothing, up to 10,000 prompts in a call."""
        given = read(Registration, request)
        items = read_items(given.get("prompts"))
        return Response({"registered": register(items, by=person(request), dry_run=given["dry_run"])})
