"""The answers that are no prompt and no version, for the OpenAPI schema."""

from rest_framework import serializers

from versions.models.prompt import Kind, Mode, TemplateFormat
from versions.stages import Stage


class PutPromptReply(serializers.Serializer):
    """Which prompt."""

    prompt_id = serializers.IntegerField()
    name = serializers.CharField()


class PutVersionReply(serializers.Serializer):
    """Which version says the text now."""

    version_id = serializers.IntegerField()
    version_number = serializers.IntegerField()
    label = serializers.CharField()
    stage = serializers.ChoiceField(choices=Stage.choices)


class PutReply(serializers.Serializer):
    """What a PUT came to."""

    prompt = PutPromptReply()
    version = PutVersionReply()
    version_change = serializers.ChoiceField(choices=["created", "updated", "new_version", "unchanged"])


class HistoryVersion(serializers.Serializer):
    """One version in the history."""

    version = serializers.IntegerField()
    label = serializers.CharField()
    stage = serializers.ChoiceField(choices=Stage.choices)
    template_hash = serializers.CharField()
    template_source = serializers.CharField()
    created_at = serializers.DateTimeField()
    execution_count = serializers.IntegerField()


class HistoryReply(serializers.Serializer):
    """A prompt's history."""

    prompt_name = serializers.CharField()
    mode = serializers.ChoiceField(choices=Mode.choices)
    current_version = serializers.IntegerField(allow_null=True)
    latest_version = serializers.IntegerField(allow_null=True)
    versions = HistoryVersion(many=True)


class KeptTextReply(serializers.Serializer):
    """A text that the ledger speaks of."""

    content_hash = serializers.CharField()
    template_source = serializers.CharField()
    config = serializers.DictField()


class ServedReply(serializers.Serializer):
    """What an agent gets: `template_source`, or `messages` of a chat."""

    agent = serializers.CharField(allow_null=True)
    prompt = serializers.CharField()
    status_key = serializers.CharField()
    served_status_key = serializers.CharField()
    version = serializers.IntegerField()
    label = serializers.CharField()
    stage = serializers.ChoiceField(choices=Stage.choices)
    type = serializers.ChoiceField(choices=Kind.choices)
    template_format = serializers.ChoiceField(choices=TemplateFormat.choices)
    template_source = serializers.CharField(required=False)
    messages = serializers.ListField(child=serializers.DictField(), required=False)
    config = serializers.DictField()
    variables = serializers.ListField(child=serializers.CharField())
    checksum_hash = serializers.CharField()
    content_hash = serializers.CharField()
    deployed_at = serializers.DateTimeField(allow_null=True)


class RenderReply(serializers.Serializer):
    """A filled text, or the filled messages of a chat."""

    prompt = serializers.CharField()
    version = serializers.IntegerField()
    label = serializers.CharField()
    text = serializers.CharField(required=False)
    messages = serializers.ListField(child=serializers.DictField(), required=False)
    stage = serializers.ChoiceField(choices=Stage.choices)
    checksum_hash = serializers.CharField()


class AgentRenderReply(RenderReply):
    """The same, with the status key that was asked for and the one that served."""

    agent = serializers.CharField()
    status_key = serializers.CharField()
    served_status_key = serializers.CharField()


OPS = ["equal", "insert", "delete", "replace"]


class Segment(serializers.Serializer):
    """A stretch of text that stayed, came, went or changed."""

    op = serializers.ChoiceField(choices=OPS)
    old = serializers.CharField(allow_blank=True)
    new = serializers.CharField(allow_blank=True)


class MessageChange(serializers.Serializer):
    """One message of a chat beside its counterpart."""

    op = serializers.ChoiceField(choices=OPS)
    old = serializers.DictField(allow_null=True)
    new = serializers.DictField(allow_null=True)
    segments = Segment(many=True, allow_null=True)


class ConfigChange(serializers.Serializer):
    """One key of the config."""

    key = serializers.CharField()
    op = serializers.ChoiceField(choices=OPS)
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class DiffReply(serializers.Serializer):
    """What changed from one version to another; `text` of a text prompt, `messages` of a chat."""

    prompt = serializers.CharField()
    to = serializers.CharField()
    identical = serializers.BooleanField()
    text = Segment(many=True, allow_null=True)
    messages = MessageChange(many=True, allow_null=True)
    config = ConfigChange(many=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        """`from` is a word of Python, so the field is declared here."""
        return {"from": serializers.CharField(), **super().get_fields()}


class ConditionReply(serializers.Serializer):
    """One condition of a gate, with its figures."""

    name = serializers.CharField()
    met = serializers.BooleanField()
    detail = serializers.CharField()
    actual = serializers.JSONField(allow_null=True)
    required = serializers.JSONField(allow_null=True)
    overridable = serializers.BooleanField()


class GateReply(serializers.Serializer):
    """What stands between a version and production."""

    passed = serializers.BooleanField()
    conditions = ConditionReply(many=True)
