"""The form of a policy: what a version must have shown, typed in plain words (SPEC 7)."""

from typing import Any

import pytest
from django.test import Client

from evaluations import datasets, running, starting
from evaluations.policy import READERS, Policy
from evaluations.scorers import SCORERS
from evaluations.views.policy import _smallest
from evaluations.views.policy_form import GROUPS, PolicyForm
from evaluations.views.words import SCORERS as WORDS
from ledger.models import LedgerEvent
from tests.evaluations.gating import ask_for, gated, give_examples
from tests.factories import TESTER, make_prompt
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db
PATH = "/prompts/asked/policy/"


@pytest.fixture
def prompt() -> Prompt:
    return make_prompt(name="asked")


def typed(page: Client, **changes: Any) -> dict[str, Any]:
    """What a browser sends of the form as it stands, with some fields changed."""
    answer = page.get(PATH)
    form = answer.context["form"]
    sent = {name: form[name].field.prepare_value(form[name].value()) for name in form.fields}
    return {
        **{name: "" if value is None else value for name, value in sent.items()},
        "was": answer.context["was"],
        **changes,
    }


def stored() -> dict[str, Any]:
    return Prompt.objects.get(name="asked").evaluation


def test_every_key_of_a_policy_has_its_field_and_every_field_its_words(prompt):
    form = PolicyForm(prompt=prompt)
    asked = {name.removesuffix("_type") for name in form.fields} - {"scorer_options"}
    assert asked == set(READERS)
    assert {name for _, names in GROUPS for name in names} == set(form.fields)
    assert all(field.help_text or name == "scorer_type" for name, field in form.fields.items())
    assert list(WORDS) == list(SCORERS)


def test_saving_what_is_there_changes_nothing(page, prompt):
    before = LedgerEvent.objects.count()
    assert page.post(PATH, typed(page)).status_code == 302
    assert (stored(), LedgerEvent.objects.count()) == ({}, before)
    ask_for(prompt, threshold=0.123456789, scorer={"type": "contains", "ignore_case": True}, must_pass=["a", "b"],
            watch=["latency"], params={"temperature": 0}, budget_usd="0.10", auto_evaluate=False, max_drop=1)  # fmt: skip
    policy, before = stored(), LedgerEvent.objects.count()
    assert page.post(PATH, typed(page)).status_code == 302
    assert (stored(), LedgerEvent.objects.count()) == (policy, before)


def test_a_policy_is_set_whole(page, prompt):
    changes = {
        "threshold": "0.85", "scorer_type": "similarity", "scorer_options": '{"threshold": 0.9}', "repeat": "3",
        "required_approvals": "2", "min_examples": "10", "max_drop": "0.05", "confidence": "0.99", "max_error_rate": "0.1",
        "must_pass": "safety, legal", "fresh_for_days": "30", "budget_usd": "2.50", "auto_evaluate": "no",
        "auto_promote": "propose", "auto_rollback": "auto", "schedule_hours": "24", "provider": "offline",
        "model_name": "m", "params": '{"temperature": 0}', "watch": ["errors"], "window_minutes": "30", "min_samples": "200",
    }  # fmt: skip
    answer = page.post(PATH, typed(page, **changes), follow=True)
    assert "The policy is saved." in answer.content.decode()
    assert stored() == {
        "threshold": 0.85, "scorer": {"type": "similarity", "threshold": 0.9}, "repeat": 3, "required_approvals": 2,
        "min_examples": 10, "max_drop": 0.05, "confidence": 0.99, "max_error_rate": 0.1, "must_pass": ["safety", "legal"],
        "fresh_for_days": 30, "budget_usd": "2.50", "auto_evaluate": False, "auto_promote": "propose",
        "auto_rollback": "auto", "schedule_hours": 24, "provider": "offline", "model_name": "m",
        "params": {"temperature": 0}, "watch": ["errors"], "window_minutes": 30, "min_samples": 200,
    }  # fmt: skip
    event = LedgerEvent.objects.latest("pk")
    assert (event.action, event.actor) == ("prompt_changed", "engineer")


def test_an_emptied_field_is_the_default_again(page, prompt):
    ask_for(prompt, threshold=0.85, repeat=3, must_pass=["a"], provider="offline", params={"a": 1}, watch=[])
    empty = dict.fromkeys(("threshold", "repeat", "must_pass", "provider", "params"), "")
    page.post(PATH, typed(page, **empty, watch=["errors", "latency", "schema"]))
    assert stored() == {}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("threshold", "1.5", "A number from 0 to 1."), ("threshold", "high", "A number from 0 to 1."),
     ("threshold", "nan", "A number from 0 to 1."), ("repeat", "0", "A whole number from 1 to 20."),
     ("repeat", "1.5", "A whole number"), ("confidence", "0.2", "A number from 0.5"), ("budget_usd", "-1", "above 0"),
     ("scorer_options", "{", "This is not JSON"), ("scorer_options", "[1]", "must be a JSON object"),
     ("scorer_options", '{"patern": "x"}', "Unknown for exact"), ("scorer_type", "magic", "magic"),
     ("scorer_options", '{"type": "magic"}', "chosen in Scorer"),
     ("params", "no", "This is not JSON"), ("auto_promote", "perhaps", "perhaps"), ("provider", "nobody", "nobody"),
     ("min_samples", "5", "A whole number from 100"), ("watch", ["weather"], "weather")],
)  # fmt: skip
def test_what_is_wrong_stands_at_its_field_and_nothing_is_saved(page, prompt, field, value, said):
    before = LedgerEvent.objects.count()
    answer = page.post(PATH, typed(page, **{"model_name": "kept", field: value}))
    form = answer.context["form"]
    assert answer.status_code == 422
    assert said in " ".join(form.errors[field]), form.errors
    assert 'value="kept"' in answer.content.decode()
    assert "Nothing was saved" in answer.content.decode()
    assert (stored(), LedgerEvent.objects.count()) == ({}, before)


def test_a_policy_that_somebody_else_changed_is_not_overwritten(page, prompt):
    late = typed(page, threshold="0.5")
    ask_for(prompt, threshold=0.9)
    answer = page.post(PATH, late)
    assert answer.status_code == 422
    assert "was changed since you saw it" in answer.content.decode() and 'value="0.5"' in answer.content.decode()
    assert stored() == {"threshold": 0.9}
    assert page.post(PATH, {**late, "was": answer.context["was"]}).status_code == 302
    assert stored() == {"threshold": 0.5}


def test_a_form_that_does_not_say_what_was_seen_saves_nothing(page, prompt):
    data = typed(page, threshold="0.5")
    del data["was"]
    assert page.post(PATH, data).status_code == 422
    assert stored() == {}


def test_viewers_see_it_and_change_nothing(prompt, viewer, page):
    client = Client()
    client.force_login(viewer.user)
    text = client.get(PATH).content.decode()
    assert "<fieldset" in text and "disabled" in text and "data-save" not in text
    assert client.post(PATH, typed(page, threshold="0.5")).status_code == 403
    assert stored() == {}


def test_of_a_prompt_that_is_not_there_it_is_a_404(page):
    assert page.get("/prompts/none/policy/").status_code == 404
    assert page.post("/prompts/none/policy/", {}).status_code == 404


def test_it_says_which_drops_the_examples_can_see(page, prompt):
    assert "no drop can be told from chance" in page.get(PATH).content.decode()
    give_examples(prompt, 100)
    text = page.get(PATH).content.decode()
    assert "100 examples show a true drop of 0.112 or more, four times in five. That is a guess" in text
    ask_for(prompt, max_drop=0.05)
    assert "To see the 0.05 of the policy, it takes about 500 examples." in page.get(PATH).content.decode()


def test_two_evaluated_versions_take_the_place_of_the_guess(page):
    live = gated("asked", examples=10, threshold=0.5).promote
    version = PromptVersion.objects.select_related("prompt").get(prompt__name="asked")
    running.work(starting.start(version, by=TESTER).pk)
    version = live(by=TESTER, to="PRD", seen=ANYTHING)
    newer = version.create_new(by=TESTER, seen=ANYTHING, template_source="Hello {{ name }} ")
    running.work(starting.start(newer, by=TESTER).pk)
    text = page.get(PATH).content.decode()
    assert "That is measured: from how v1.0 and v1.1 differ." in text


def test_the_smallest_drop_follows_the_number_of_examples():
    found = []
    for count in (2, 25, 400):
        prompt = make_prompt(name=f"p{count}")
        give_examples(prompt, count)
        found.append(_smallest(prompt, datasets.current(prompt), Policy.of(prompt))[0])
    assert found == sorted(found, reverse=True) and found[-1] < 0.06
