"""The routes of /v1 (SPEC 9)."""

from django.urls import include, path
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agents import api as agents
from evaluations.api import examples, runs
from executions import api as executions
from executions.analytics import api as analytics
from ledger import api as ledger
from promptledger import __version__, schema


class VersionReply(serializers.Serializer):
    """Name and release."""

    name = serializers.CharField()
    version = serializers.CharField()


class Version(APIView):
    """GET /v1/version."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses=VersionReply)
    def get(self, request: Request) -> Response:
        """Which PromptLedger this is."""
        return Response({"name": "PromptLedger", "version": __version__})


class SchemaRenderer(OpenApiJsonRenderer):
    """The schema as plain application/json."""

    media_type = "application/json"
    format = "json"


class Docs(SpectacularSwaggerSplitView):
    """GET /v1/docs: the schema as a page. Its refusals are JSON like all others."""

    template_name = "api_docs.html"
    metadata_class = None
    http_method_names = ("get", "head")

    def handle_exception(self, exc: Exception) -> Response:
        """Answer a refusal in JSON: there is no page for it."""
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return super().handle_exception(exc)


class Schema(SpectacularAPIView):
    """This description of the API."""

    renderer_classes = (SchemaRenderer,)


# Importing them tells drf-spectacular of them.
SIGNING_IN = (schema.Key, schema.Session)

urlpatterns = [
    path("version", Version.as_view()),
    path("agents", agents.AgentList.as_view()),
    path("agents/<str:agent>", agents.AgentDetail.as_view()),
    path("events", ledger.EventList.as_view()),
    path("events/<str:event>", ledger.EventDetail.as_view()),
    path("prompts/<str:name>/events", ledger.EventList.as_view()),
    path("prompts/<str:name>/versions/<str:version>/test", executions.Test.as_view()),
    path("prompts/<str:name>/execute", executions.Execute.as_view()),
    path("executions/run", executions.Run.as_view()),
    path("executions/submit", executions.Submit.as_view()),
    path("executions", executions.ExecutionList.as_view()),
    path("executions/<str:execution>", executions.ExecutionDetail.as_view()),
    path("executions/<str:execution>/cancel", executions.Cancel.as_view()),
    path("prompts/<str:name>/examples", examples.Examples.as_view()),
    path("prompts/<str:name>/datasets", examples.Datasets.as_view()),
    path("prompts/<str:name>/evaluations", runs.EvaluationList.as_view()),
    path("prompts/<str:name>/versions/<str:version>/evaluate", runs.Evaluate.as_view()),
    path("evaluations/<str:evaluation>", runs.EvaluationDetail.as_view()),
    path("evaluations/<str:evaluation>/cancel", runs.EvaluationCancel.as_view()),
    path("analytics/prompts", analytics.PromptAnalytics.as_view()),
    path("openapi.json", Schema.as_view(), name="openapi"),
    path("docs", Docs.as_view(url_name="openapi"), name="docs"),
    path("", include("repository.urls")),
    path("", include("versions.api.urls")),
]
