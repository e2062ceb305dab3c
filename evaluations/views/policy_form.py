"""The fields of a policy, each with what it does in plain words. What may stand in them, evaluations.policy says."""

from typing import Any

from django import forms
from django.conf import settings

from common.errors import BadInput
from evaluations import scorers
from evaluations.policy import Policy
from evaluations.views.words import SCORERS
from executions.models import ENVIRONMENTS
from executions.providers.configured import setups
from versions.forms import JSONText
from versions.models import Prompt


class Number(forms.CharField):
    """A number as it was typed; the policy itself refuses what is none. Empty: the default."""

    def prepare_value(self, value: Any) -> Any:
        """0.85 and 3, to the last digit."""
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def clean(self, value: Any) -> Any:
        """Return an int, a float, None, or what was typed."""
        text = (super().clean(value) or "").strip()
        for read in (int, float):
            try:
                return read(text)
            except ValueError:
                continue
        return text or None


def number(label: str, help_text: str, step: str = "any") -> Number:
    """A field for a number."""
    widget = forms.TextInput(attrs={"inputmode": "decimal" if step == "any" else "numeric", "autocomplete": "off"})
    return Number(required=False, label=label, help_text=help_text, widget=widget)


def choice(label: str, help_text: str, *choices: tuple[str, str]) -> forms.ChoiceField:
    """A field with a few values."""
    return forms.ChoiceField(required=False, label=label, help_text=help_text, choices=choices)


AUTOMATIC = (("off", "off: a person does it"), ("propose", "propose: say that it is time"), ("auto", "auto: do it"))
WATCHED = (("errors", "errors: runs that fail"), ("latency", "latency: answers that are slower than they were"),
           ("schema", "schema: answers without the shape they should have"))  # fmt: skip
YES_NO = (("yes", "as soon as it enters TST"), ("no", "only when somebody asks"))
GROUPS = (
    ("The gate", ("threshold", "scorer_type", "scorer_options", "required_approvals")),
    ("What counts as proof", ("min_examples", "repeat", "max_error_rate", "must_pass", "fresh_for_days")),
    ("No worse than what is live", ("max_drop", "confidence")),
    ("What happens by itself", ("auto_evaluate", "auto_promote", "auto_rollback", "schedule_hours")),
    ("What is watched in use", ("watch", "window_minutes", "min_samples")),
    ("Who answers, for how much", ("provider", "model_name", "params", "budget_usd")),
)


class PolicyForm(forms.Form):
    """What a prompt asks of a version before production. An empty field is the default."""

    threshold = number(
        "Threshold", "The score that a version must reach, 0 to 1. Empty: no gate, every version may go."
    )
    scorer_type = forms.ChoiceField(
        label="Scorer", choices=[(kind, f"{kind}: {said}") for kind, said in SCORERS.items()],
        help_text="An answer is right when it …",
    )  # fmt: skip
    scorer_options = JSONText(
        required=False, label="Options of the scorer", widget=forms.Textarea(attrs={"rows": 4, "class": "code",
                                                                                  "spellcheck": "false"}),
        help_text='JSON, {} for none. contains: {"text": "…"}; regex: {"pattern": "…"}; json_equals: {"path": '
                  '"$.category"}; numeric: {"abs": 0.5}; similarity: {"threshold": 0.8}; latency: {"max_ms": 2000}; '
                  'judge: {"prompt": "…", "version": 3}; all, any: {"scorers": ["exact", …]}.',
    )  # fmt: skip
    required_approvals = number("Approvals", "How many people, others than its authors, must approve. 0: none.", "1")
    min_examples = number("Examples, at least", "A score on fewer proves nothing.", "1")
    repeat = number("Times each", "How often each example is asked: models do not always say the same. 1 to 20.", "1")
    max_error_rate = number(
        "Errors, at most", "Share of answers that may be errors, 0 to 1. Above, a run proves nothing."
    )
    must_pass = forms.CharField(
        required=False, label="Tags that must pass",
        help_text="Separated by commas. An example with such a tag that fails closes the gate, whatever the score.",
    )  # fmt: skip
    fresh_for_days = number("Days that a run counts", "An older run is no proof. Empty: it counts for ever.", "1")
    max_drop = number("Drop, at most", "How much less than the live version it may score, if that is more than chance. "
                                       "Empty: it is not compared.")  # fmt: skip
    confidence = number("Confidence", "How sure a drop must be before it counts as one: 0.95 is once wrong in twenty.")
    auto_evaluate = choice("Evaluate", "When a run starts by itself.", *YES_NO)
    auto_promote = choice("Promote to PRD", "What happens when a version in TST passes everything.", *AUTOMATIC)
    auto_rollback = choice("Roll back", "What happens when the live version falls below the threshold.", *AUTOMATIC)
    schedule_hours = number("Look again every … hours", "Evaluates what is live, again and again. Empty: never.", "1")
    watch = forms.MultipleChoiceField(
        required=False, label="Signals of the live version", choices=WATCHED, widget=forms.CheckboxSelectMultiple,
        help_text="One that gets worse, and not by chance, is an alert; with Roll back on, more than that.",
    )  # fmt: skip
    window_minutes = number("Minutes of a window", "How much use is judged together.", "1")
    min_samples = number("Runs in it, at least", "With fewer nothing is concluded, and the pages say so. 100 or more.",
                         "1")  # fmt: skip
    provider = forms.ChoiceField(required=False, label="Provider", help_text="Who answers evaluations of this prompt.")
    model_name = forms.CharField(required=False, label="Model", help_text="Empty: the model of the version's config.")
    params = JSONText(required=False, label="Parameters",
                      widget=forms.Textarea(attrs={"rows": 3, "class": "code", "spellcheck": "false"}),
                      help_text='JSON, beside those of the version: {"temperature": 0}.')  # fmt: skip
    budget_usd = forms.CharField(
        required=False, label="Budget of a run, in US dollars", widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        help_text="A run that would cost more is not started; one that does is stopped. Empty: no limit.",
    )  # fmt: skip

    def __init__(self, data: Any = None, *, prompt: Prompt) -> None:
        self.policy = Policy.of(prompt)
        shown = self.policy.as_json()
        scorer = scorers.read(self.policy.scorer).spec
        super().__init__(data, initial={
            **shown, "scorer_type": scorer["type"],
            "scorer_options": {key: value for key, value in self.policy.scorer.items() if key != "type"},
            "must_pass": ", ".join(self.policy.must_pass), "auto_evaluate": "yes" if shown["auto_evaluate"] else "no",
        })  # fmt: skip
        self.fields["provider"].choices = [("", "as the version says"), *((name, name) for name in self._providers())]  # type: ignore[attr-defined]

    def _providers(self) -> list[str]:
        names = [name for place in ENVIRONMENTS for name in setups(place)]
        known = [*settings.PROVIDERS, *names, *([self.policy.provider] if self.policy.provider else [])]
        return list(dict.fromkeys(known))

    def clean_scorer_options(self) -> dict[str, Any]:
        """The type has a field of its own."""
        options: dict[str, Any] = self.cleaned_data["scorer_options"]
        if "type" in options:
            raise forms.ValidationError("The type is chosen in Scorer: leave it out here.")
        return options

    @property
    def groups(self) -> list[tuple[str, list[Any]]]:
        """The fields by what they are about."""
        return [(title, [self[name] for name in names]) for title, names in GROUPS]

    def given(self) -> dict[str, Any]:
        """What the policy's keys are to be; None is the default."""
        found = {**self.cleaned_data}
        found["scorer"] = {"type": found.pop("scorer_type"), **found.pop("scorer_options")}
        found["must_pass"] = [tag.strip() for tag in found["must_pass"].split(",") if tag.strip()]
        found["auto_evaluate"] = found["auto_evaluate"] != "no"
        return {key: None if value in ("", {}) else value for key, value in found.items()}

    def take(self, error: BadInput) -> None:
        """Put what the policy refused next to the fields that it is about."""
        for name, said in error.data.get("errors", {"": [error.detail]}).items():
            self.add_error(self._field_of(name.removeprefix("evaluation."), said[0]), said[0])

    def _field_of(self, name: str, said: str) -> str | None:
        if name == "scorer":
            return "scorer_type" if said.startswith("scorer.type:") else "scorer_options"
        return name if name in self.fields else None
