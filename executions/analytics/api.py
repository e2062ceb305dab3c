"""Analytics over JSON (S1-48 to S1-51)."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from executions.analytics import question
from executions.analytics.question import MODES
from executions.analytics.reading import report


class FiguresShape(serializers.Serializer):
    """What some executions add up to. Averages and percentiles are over those that have a latency."""

    execution_count = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    errors = serializers.IntegerField()
    canceled = serializers.IntegerField()
    error_rate = serializers.FloatField()
    avg_latency_ms = serializers.IntegerField()
    p50_latency_ms = serializers.IntegerField(allow_null=True)
    p95_latency_ms = serializers.IntegerField(allow_null=True)
    prompt_tokens = serializers.IntegerField()
    response_tokens = serializers.IntegerField()
    cost_usd = serializers.CharField()
    cost_unknown = serializers.IntegerField()


class SummaryShape(FiguresShape):
    """The figures of all, and how many prompts there are of each mode."""

    total_executions = serializers.IntegerField()
    full_mode_prompts = serializers.IntegerField()
    tracking_mode_prompts = serializers.IntegerField()


class ByMode(serializers.Serializer):
    """The figures of each mode that was asked for."""

    full = FiguresShape(required=False)
    tracking = FiguresShape(required=False)


class ByAgent(FiguresShape):
    """The figures of an agent; null for prompts without one."""

    agent = serializers.CharField(allow_null=True)


class ByPrompt(ByAgent):
    """The figures of a prompt."""

    prompt = serializers.CharField()
    mode = serializers.CharField()


class ByVersion(FiguresShape):
    """The figures of a version."""

    prompt = serializers.CharField()
    label = serializers.CharField()
    mode = serializers.CharField()


class ByModel(FiguresShape):
    """The figures of a provider's model."""

    provider = serializers.CharField()
    model_name = serializers.CharField()


class ByDay(FiguresShape):
    """The figures of a day in the site's time zone; days without executions are left out."""

    day = serializers.DateField()


class AnalyticsShape(serializers.Serializer):
    """What was asked, and the figures."""

    mode = serializers.ChoiceField(choices=MODES)
    to = serializers.DateField(allow_null=True)
    prompt = serializers.CharField(allow_null=True)
    agent = serializers.CharField(allow_null=True)
    include_tests = serializers.BooleanField()
    summary = SummaryShape()
    by_mode = ByMode()
    by_agent = ByAgent(many=True)
    by_prompt = ByPrompt(many=True)
    by_version = ByVersion(many=True)
    by_model = ByModel(many=True)
    by_day = ByDay(many=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        """With `from`, which Python keeps for itself."""
        return {"from": serializers.DateField(allow_null=True), **super().get_fields()}


class PromptAnalytics(APIView):
    """GET /v1/analytics/prompts."""

    needs = {"GET": "executions.view_execution"}

    @extend_schema(
        responses=AnalyticsShape,
        parameters=[
            OpenApiParameter("mode", str, enum=MODES),
            OpenApiParameter("from", str, description="The first day, like 2026-01-31, in the site's time zone."),
            OpenApiParameter("to", str, description="The last day."),
            OpenApiParameter("days", int, description="So many days up to today, instead of from and to."),
            OpenApiParameter("prompt", str),
            OpenApiParameter("agent", str),
            OpenApiParameter("include_tests", str, description="1 counts TEST runs, too."),
        ],
    )
    def get(self, request: Request) -> Response:
        """What executions add up to: in all, by mode, agent, prompt, version, model and day. Without a time: ever."""
        return Response(report(question.read(request.query_params)).as_json())
