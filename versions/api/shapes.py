"""What a prompt and a version look like in JSON, and what may be sent about them."""

from typing import Any
from urllib.parse import quote

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.actors import person
from common.serializers import JSONObject, StrictSerializer, Text, Whole
from versions import policy
from versions.actions import buttons, more_buttons
from versions.content import chat_text
from versions.models import Prompt, PromptVersion
from versions.models.prompt import Kind, TemplateFormat
from versions.stages import Stage


class AllowedAction(serializers.Serializer):
    """One button: what it says, whether it is on, why not, and how to press it."""

    name = serializers.CharField()
    label = serializers.CharField()
    enabled = serializers.BooleanField()
    reason = serializers.CharField()
    method = serializers.CharField()
    url = serializers.CharField()


class VersionShape(serializers.ModelSerializer):
    """A version. The stage alone says what is current; is_active and status are derived from it."""

    prompt = serializers.CharField(source="prompt.name")
    label = serializers.CharField()
    stage = serializers.ChoiceField(choices=Stage.choices)
    type = serializers.CharField(source="prompt.type")
    mode = serializers.CharField(source="prompt.mode")
    overridden = serializers.BooleanField()
    messages = serializers.ListField(child=serializers.DictField(), allow_null=True)
    config = serializers.DictField()
    variables = serializers.ListField(child=serializers.CharField())
    based_on = serializers.CharField(source="based_on_label", allow_null=True)
    rollback_of = serializers.CharField(source="rollback_of_label", allow_null=True)
    replaced_by = serializers.CharField(allow_null=True)
    is_active = serializers.BooleanField()
    status = serializers.ChoiceField(choices=["draft", "active", "deprecated"])
    page_url = serializers.SerializerMethodField()
    allowed_actions = serializers.SerializerMethodField()
    more_actions = serializers.SerializerMethodField()

    class Meta:
        model = PromptVersion
        fields = (
            "id", "prompt", "version", "label", "stage", "type", "mode", "template_source", "messages", "config",
            "variables", "checksum_hash", "content_hash", "commit_message", "revision", "created_by", "created_at",
            "updated_at", "deployed_at", "retired_at", "replaced_by", "based_on", "rollback_of", "is_active", "status",
            "is_default_from_code", "overridden", "commit", "committed_at", "archived_at", "page_url",
            "allowed_actions", "more_actions",
        )  # fmt: skip
        read_only_fields = fields

    def get_page_url(self, version: PromptVersion) -> str:
        return f"{version.path}/"

    @extend_schema_field(AllowedAction(many=True))
    def get_allowed_actions(self, version: PromptVersion) -> list[dict[str, Any]]:
        return [button.as_json() for button in buttons(version, person(self.context["request"]))]

    @extend_schema_field(AllowedAction(many=True))
    def get_more_actions(self, version: PromptVersion) -> list[dict[str, Any]]:
        return [button.as_json() for button in more_buttons(version, person(self.context["request"]))]


class PromptShape(serializers.ModelSerializer):
    """A prompt; `production` is the label of the version that agents get."""

    agent = serializers.CharField(source="agent.name", allow_null=True, default=None)
    tags = serializers.ListField(child=serializers.CharField())
    metadata = serializers.DictField()
    evaluation = serializers.SerializerMethodField()
    production = serializers.SerializerMethodField()
    versions_count = serializers.IntegerField()
    archived = serializers.SerializerMethodField()
    page_url = serializers.SerializerMethodField()

    class Meta:
        model = Prompt
        fields = (
            "id", "name", "agent", "status_key", "title", "description", "owner_team", "tags", "mode", "type",
            "template_format", "metadata", "evaluation", "production", "versions_count", "archived",
            "created_by", "created_at", "page_url",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.DictField())
    def get_evaluation(self, prompt: Prompt) -> dict[str, Any]:
        return policy.shown(prompt)

    def get_production(self, prompt: Prompt) -> str | None:
        return prompt.production.label if prompt.production else None

    def get_archived(self, prompt: Prompt) -> bool:
        return prompt.archived_at is not None

    def get_page_url(self, prompt: Prompt) -> str:
        return f"/prompts/{quote(prompt.name, safe='')}/"


ECHOED_OF_PROMPT = frozenset(PromptShape.Meta.fields)
ECHOED_OF_VERSION = frozenset(VersionShape.Meta.fields)


class PromptFields(StrictSerializer):
    """The writable fields of a prompt."""

    echoed = ECHOED_OF_PROMPT
    name = Text(max_length=255, required=False)
    agent = Text(max_length=255, required=False, allow_null=True)
    status_key = Text(max_length=255, required=False)
    title = Text(max_length=255, required=False)
    description = Text(required=False, max_length=20_000)
    owner_team = Text(max_length=255, required=False)
    tags = serializers.ListField(child=Text(max_length=50), required=False, max_length=20)
    type = serializers.ChoiceField(choices=Kind.choices, required=False)
    template_format = serializers.ChoiceField(choices=TemplateFormat.choices, required=False)
    metadata = JSONObject(required=False)
    evaluation = JSONObject(required=False, help_text="The keys to set; null puts one back to its default.")


class PromptChange(PromptFields):
    """PATCH of a prompt; `archived` hides it or shows it again."""

    archived = serializers.BooleanField(required=False)


class Content(StrictSerializer):
    """A text (or the messages of a chat), its config and what was done."""

    template_source = Text(required=False)
    messages = serializers.ListField(child=serializers.DictField(), required=False, allow_null=True)
    config = JSONObject(required=False)
    commit_message = Text(required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """Fold messages into template_source: they are one thing said two ways."""
        messages = data.pop("messages", None)
        if messages is not None:
            text = chat_text(messages)
            if data.setdefault("template_source", text) != text:
                raise serializers.ValidationError({"messages": "Send template_source or messages, not both."})
        return data


class NewPrompt(PromptFields, Content):
    """POST of a prompt: with a text it gets v1.0 as a DEV draft."""

    mode = serializers.ChoiceField(choices=["full"], required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """Messages make a chat prompt."""
        if data.get("messages") is not None:
            data.setdefault("type", Kind.CHAT)
        data.pop("mode", None)
        return super().validate(data)


class PutPrompt(Content):
    """PUT of a prompt; description and owner_team stay as they are where they are left out."""

    echoed = frozenset({"name", "mode"})
    description = Text(required=False, allow_null=True, max_length=20_000)
    owner_team = Text(required=False, allow_null=True, max_length=255)
    type = serializers.ChoiceField(choices=Kind.choices, required=False)
    set_active = serializers.BooleanField(required=False)


@extend_schema_field({"oneOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]})
class Reference(serializers.Field):
    """A version by its number, or by its label as text."""

    def to_internal_value(self, data: Any) -> str:
        """Return it as text; raise ValidationError for what is neither a number nor text."""
        if isinstance(data, bool) or not isinstance(data, int | str) or data == "":
            raise serializers.ValidationError("Send the version's integer, or its label as text.")
        return str(data)[:100]

    def to_representation(self, value: Any) -> Any:
        return value


class NewVersion(Content):
    """POST of a version: the next one, from another or from a text."""

    from_ = Reference(required=False)
    bump = serializers.ChoiceField(choices=["minor", "major"], required=False)
    revision = Whole(required=False)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python, so the field is declared under another name."""
        fields = super().get_fields()
        fields["from"] = fields.pop("from_")
        return fields


class CreateNew(Content):
    """POST …/create-new."""

    bump = serializers.ChoiceField(choices=["minor", "major"], required=False)
    revision = Whole(required=False)


class Press(StrictSerializer):
    """A press that says no more than what was seen."""

    stage = serializers.ChoiceField(choices=Stage.choices, required=False)
    revision = Whole(required=False)


class VersionEdit(Content, Press):
    """PATCH of a version; `revision` (and `stage`) is what the caller saw."""

    echoed = ECHOED_OF_VERSION


class Promotion(Press):
    """POST …/promote: `to` is where the caller wants it, which says what stage it saw."""

    to = serializers.ChoiceField(choices=Stage.choices)
    reason = Text(required=False)
    override = serializers.BooleanField(required=False)


class Approval(Press):
    """POST …/approve."""

    reason = Text(required=False)


class SetActive(Press):
    """POST …/set-active."""

    reason = Text(required=False)


class RollbackReason(Press):
    """POST …/versions/{v}/rollback: why."""

    reason = Text()


class RollbackTo(RollbackReason):
    """POST …/rollback: to which retired version, and why."""

    to = Reference()
