"""Reading what people type into the pages. No rules here: the models have them."""

import json
from typing import Any

from django import forms
from rest_framework.exceptions import ParseError

from agents.models import Agent
from common.errors import BadInput
from common.parsing import load
from versions import content
from versions.models import Prompt, PromptVersion
from versions.models.prompt import Kind, TemplateFormat
from versions.seen import Seen

PLACEHOLDER = "placeholder"


def as_typed(typed: str, saved: str) -> str:
    """Undo what a browser does to newlines: it sends CRLF for every one.

    A text that was not changed comes back byte for byte; else CRLF stays only where the saved text has it throughout.
    """
    plain = typed.replace("\r\n", "\n")
    if plain == saved.replace("\r\n", "\n"):
        return saved
    crlf = "\r\n" in saved and "\n" not in saved.replace("\r\n", "")
    return plain.replace("\n", "\r\n") if crlf else plain


def seen_in(data: Any) -> Seen:
    """Return what the pressed button was drawn with. Raises BadInput for a form that does not say."""
    stage, revision = data.get("seen_stage", ""), data.get("seen_revision", "")
    if not stage or not (revision.isascii() and revision.isdigit() and len(revision) < 10):
        raise BadInput("This form does not say what you saw. Reload the page and press again.", code="unseen")
    return Seen(stage, int(revision))


class JSONText(forms.CharField):
    """A JSON object, typed as text and shown indented."""

    widget = forms.Textarea(attrs={"rows": 6, "class": "code", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> str:
        """Show an object as indented JSON, and what was typed as it was typed."""
        return value if isinstance(value, str) else json.dumps(value or {}, indent=2, ensure_ascii=False)

    def clean(self, value: Any) -> dict[str, Any]:
        """Return the object; raise ValidationError that says where the JSON is wrong."""
        try:
            found = load((value or "").strip().encode("utf-8", "surrogatepass") or b"{}")
        except ParseError as error:
            raise forms.ValidationError(str(error.detail).replace("The body", "This")) from error
        if not isinstance(found, dict):
            raise forms.ValidationError('This must be a JSON object, like {"temperature": 0.2}.')
        return found


class TextForm(forms.Form):
    """Text or messages, config and what was done."""

    config = JSONText(required=False, label="Config", help_text="JSON: provider, model, temperature, tools …")
    commit_message = forms.CharField(
        required=False, max_length=content.MESSAGE_LIMIT, label="What changed", strip=True,
        widget=forms.TextInput(attrs={"placeholder": "Say what you changed and why"}),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, kind: str, version: PromptVersion | None = None) -> None:
        self.kind, self.version = kind, version
        self.typed: Any = data
        initial = {"config": version.config, "commit_message": version.commit_message} if version else {}
        super().__init__(data, initial=initial)

    @property
    def typed_text(self) -> str:
        """What stands in the text box: what was typed, or what is saved."""
        if self.is_bound:
            return self.data.get("template_source", "")
        return self.version.template_source if self.version else ""

    @property
    def cards(self) -> list[dict[str, str]]:
        """The message cards: role and content; a placeholder's content is its name."""
        if self.is_bound:
            pairs = zip(self.typed.getlist("role"), self.typed.getlist("content"), strict=False)
            return self._rearranged([{"role": role, "content": said} for role, said in pairs])
        if self.version is None:
            return [{"role": "system", "content": ""}, {"role": "user", "content": ""}]
        return [
            {"role": PLACEHOLDER, "content": one["name"]} if "name" in one else one
            for one in self.version.messages or []
        ]

    @property
    def new_placeholder(self) -> dict[str, str]:
        """The card that "Add placeholder" adds."""
        return {"role": PLACEHOLDER, "content": ""}

    @property
    def rearranging(self) -> bool:
        """Whether the press only adds or removes a card: how the buttons of cards work without JavaScript."""
        return self.is_bound and ("add" in self.data or "remove" in self.data)

    def _rearranged(self, cards: list[dict[str, str]]) -> list[dict[str, str]]:
        if added := self.data.get("add"):
            cards.append({"role": PLACEHOLDER if added == PLACEHOLDER else "user", "content": ""})
        place = self.data.get("remove", "")
        if place.isascii() and place.isdigit() and int(place[:4]) < len(cards):
            del cards[int(place[:4])]
        return cards

    @property
    def roles(self) -> tuple[str, ...]:
        """What a card's author can be."""
        return content.ROLES

    def clean(self) -> dict[str, Any]:
        """Add `template_source`, as it is to be stored."""
        saved = self.version.template_source if self.version else ""
        try:
            if self.kind == Kind.CHAT:
                text = content.chat_text([self._message(card, n) for n, card in enumerate(self.cards)])
            else:
                text = content.check_text(self.kind, as_typed(self.typed_text, saved))
        except BadInput as error:
            raise forms.ValidationError(error.detail) from error
        return {**self.cleaned_data, "template_source": text}

    def _message(self, card: dict[str, str], place: int) -> dict[str, str]:
        if card["role"] == PLACEHOLDER:
            return {"type": PLACEHOLDER, "name": card["content"].strip()}
        before = (self.version.messages or []) if self.version else []
        saved = before[place].get("content", "") if place < len(before) else ""
        return {"role": card["role"], "content": as_typed(card["content"], saved)}


class PromptForm(forms.Form):
    """The metadata of a prompt, new or old."""

    name = forms.CharField(required=False, max_length=255, strip=False,
                           help_text="Unique. Left empty: agent and status key, joined by a dot.")  # fmt: skip
    agent = forms.ModelChoiceField(Agent.objects.current(), required=False, empty_label="No agent")
    status_key = forms.CharField(required=False, max_length=255, initial="default",
                                 help_text="The state of the agent that this prompt is for.")  # fmt: skip
    title = forms.CharField(required=False, max_length=255)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    owner_team = forms.CharField(required=False, max_length=255, label="Owner")
    tags = forms.CharField(required=False, help_text="Separated by commas.")
    metadata = JSONText(required=False, help_text="JSON: inputs, outputs and what else tools should know.")

    @classmethod
    def of(cls, prompt: Prompt, data: Any = None) -> "PromptForm":
        """The form for an old prompt; what is fixed once a version has left DEV is not in it then."""
        form = cls(data, initial={
            "name": prompt.name, "agent": prompt.agent_id, "status_key": prompt.status_key, "title": prompt.title,
            "description": prompt.description, "owner_team": prompt.owner_team, "tags": ", ".join(prompt.tags),
            "metadata": prompt.metadata,
        })  # fmt: skip
        if prompt.has_left_dev():
            for name in ("name", "agent", "status_key"):
                del form.fields[name]
        return form

    def clean_tags(self) -> list[str]:
        """Return the tags as a list."""
        return [tag.strip() for tag in self.cleaned_data["tags"].split(",") if tag.strip()]

    def clean_description(self) -> str:
        """Browsers send CRLF; plain newlines are kept."""
        return self.cleaned_data["description"].replace("\r\n", "\n")

    def clean_status_key(self) -> str:
        """Empty means default."""
        return self.cleaned_data["status_key"] or "default"


class NewPromptForm(PromptForm):
    """A new prompt also says what it is made of."""

    type = forms.ChoiceField(choices=Kind.choices, initial=Kind.TEXT)
    template_format = forms.ChoiceField(choices=TemplateFormat.choices, initial=TemplateFormat.SIMPLE, required=False)
