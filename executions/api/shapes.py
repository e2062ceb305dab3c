"""What an execution looks like in JSON, and what may be sent to run one (SPEC 6, 9)."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common import correlation
from common.serializers import JSONObject, StrictSerializer, Text, Whole
from executions.models import ENVIRONMENTS, Execution
from versions.api.shapes import Reference
from versions.models.prompt import Mode as PromptMode
from versions.stages import Stage

LONG = ("rendered_prompt", "response_text", "variables", "params", "attempt_log")


class Telemetry(serializers.Serializer):
    """Tokens, time and money of a run; null is what nobody said."""

    prompt_tokens = serializers.IntegerField(allow_null=True)
    response_tokens = serializers.IntegerField(allow_null=True)
    latency_ms = serializers.IntegerField(allow_null=True)
    cost_usd = serializers.CharField(allow_null=True)


class ExecutionShape(serializers.ModelSerializer):
    """An execution."""

    prompt_mode = serializers.SerializerMethodField()
    version = serializers.SerializerMethodField()
    variables = serializers.DictField()
    params = serializers.DictField()
    telemetry = serializers.SerializerMethodField()
    attempt_log = serializers.ListField(child=serializers.DictField())
    cost_usd = serializers.DecimalField(max_digits=14, decimal_places=8, allow_null=True, normalize_output=True)
    page_url = serializers.SerializerMethodField()

    class Meta:
        model = Execution
        fields = (
            "execution_id", "status", "mode", "prompt_name", "prompt_mode", "version", "label", "environment",
            "is_test", "provider", "model_name", "params", "variables", "template_hash", "content_hash",
            "rendered_prompt", "response_text", "response_truncated", "telemetry", "latency_ms", "prompt_tokens",
            "response_tokens", "cost_usd", "attempts", "attempt_log", "not_before", "error_type", "error_message",
            "correlation_id", "idempotency_key", "worker", "created_by", "created_at", "started_at", "completed_at",
            "page_url",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=PromptMode.choices, allow_null=True))
    def get_prompt_mode(self, execution: Execution) -> str | None:
        return execution.prompt.mode if execution.prompt else None

    def get_version(self, execution: Execution) -> int | None:
        return execution.version.version if execution.version else None

    @extend_schema_field(Telemetry)
    def get_telemetry(self, execution: Execution) -> dict[str, Any]:
        return execution.telemetry

    def get_page_url(self, execution: Execution) -> str:
        return f"/executions/{execution.pk}/"


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


@extend_schema_field({"type": "string", "enum": ["sync", "async"]})
class RunMode(serializers.Field):
    """sync or async; anything else is answered in the words of S1."""

    def to_internal_value(self, data: Any) -> Any:
        """Return it as it is: `running` says what is wrong with it."""
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class Asked(StrictSerializer):
    """What both ways of running a prompt take."""

    variables = JSONObject(required=False, allow_null=True)
    version = Reference(required=False, allow_null=True)
    model_name = Text(required=False, allow_null=True, max_length=200)
    params = JSONObject(required=False, allow_null=True)
    environment = serializers.ChoiceField(choices=ENVIRONMENTS, default="dev")
    idempotency_key = Text(required=False, allow_null=True, max_length=255)
    correlation_id = Text(required=False, allow_null=True, max_length=correlation.LENGTH)


class ExecuteBody(Asked):
    """POST …/execute (S1-37)."""

    mode = RunMode(default="sync")
    provider = Text(required=False, allow_null=True, max_length=40)
    expected_mode = Text(required=False, allow_null=True, max_length=20)


class RunBody(Asked):
    """POST /v1/executions/run and /submit: a prompt by its name, or what an agent says in a state."""

    prompt = Text(required=False, max_length=255)
    agent = Text(required=False, max_length=255)
    status_key = Text(required=False, max_length=255)
    stage = serializers.ChoiceField(choices=Stage.choices, required=False, allow_null=True)
    provider = Text(required=False, allow_null=True, max_length=40)
    expected_mode = Text(required=False, allow_null=True, max_length=20)
