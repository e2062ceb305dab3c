"""The gate on Promote to PRD (SPEC 7): every condition, each alone, over model, API and page."""

import pytest

from common.errors import BadInput, Forbidden
from ledger.models import LedgerEvent
from tests.conftest import Api
from tests.evaluations.gating import ask_for, evidence, gated, give_examples
from tests.factories import TESTER, make_tracking_prompt, make_version
from tests.versions.refusing import everything, refused
from versions import gates
from versions.actions import perform
from versions.gates import GateFailed
from versions.models import PromptVersion
from versions.seen import ANYTHING, Seen
from versions.verifying import problems

pytestmark = pytest.mark.django_db


def promote(version, by=TESTER, **more):
    return version.promote(by=by, to="PRD", seen=ANYTHING, **more)


def unmet(version) -> dict[str, gates.Condition]:
    return {one.name: one for one in gates.ask(version) if not one.met}


def test_without_a_policy_everything_promotes():
    version = make_version("TST")
    assert gates.ask(version) == []
    assert promote(version).stage == "PRD"


def test_the_way_to_tst_has_no_gate():
    version = gated()
    draft = version.create_new(by=TESTER, seen=ANYTHING)
    assert draft.promote(by=TESTER, to="TST", seen=ANYTHING).stage == "TST"


def test_a_score_that_meets_the_threshold_passes_and_the_ledger_knows_nothing_of_an_override():
    version = gated()
    evidence(version, 0.85)
    assert promote(version).stage == "PRD"
    assert LedgerEvent.objects.latest("pk").action == "promoted"


def test_a_hair_below_the_threshold_is_refused_and_names_both_figures():
    version = gated()
    evidence(version, 0.849999999)
    with refused("gate_failed") as caught:
        promote(version)
    said = "Its score 0.849999999 is below the threshold 0.85. Look at what failed, change the text, evaluate it again."
    assert caught.value.detail.endswith(said)
    conditions = {one["name"]: one for one in caught.value.data["conditions"]}
    assert (conditions["score"]["actual"], conditions["score"]["required"]) == (0.849999999, 0.85)
    assert [name for name, one in conditions.items() if not one["met"]] == ["score"]


@pytest.mark.parametrize(
    ("what", "said"),
    [("nothing", "v1.0 is not evaluated. Evaluate it."),
     ("another text", "v1.0 was edited after its evaluation. Evaluate it again."),
     ("other examples", "The examples changed after the evaluation of v1.0. Evaluate it again."),
     ("another scorer", "The scorer changed after the evaluation of v1.0. Evaluate it again."),
     ("still at it", "v1.0 is being evaluated. Wait for the result."),
     ("a failure", "The evaluation of v1.0 did not finish: Out of budget. Try again.")],
)  # fmt: skip
def test_evidence_is_bound_to_text_examples_and_scorer(what, said):
    version = gated()
    if what == "still at it":
        evidence(version, None, status="running")
    elif what == "a failure":
        evidence(version, None, status="failed", error_message="Out of budget")
    elif what != "nothing":
        evidence(version)
        assert unmet(version) == {}
    if what == "another text":
        version = version.edit(by=TESTER, seen=ANYTHING, template_source="Hey {{ name }}")
    elif what == "other examples":
        give_examples(version.prompt, 4, "Hey")
    elif what == "another scorer":
        ask_for(version.prompt, scorer="contains")
        version.prompt.refresh_from_db()
    with refused("gate_failed") as caught:
        promote(version)
    assert said in caught.value.detail


def test_identical_text_keeps_its_proof():
    version = gated()
    evidence(version)
    version = version.edit(by=TESTER, seen=ANYTHING, template_source="Hey {{ name }}")
    assert set(unmet(version)) == {"evaluated"}
    version = version.edit(by=TESTER, seen=ANYTHING, template_source="Hello {{ name }}")
    assert promote(version).stage == "PRD"


def test_the_newest_evidence_counts():
    version = gated()
    evidence(version, 0.9, age=2)
    evidence(version, 0.2, age=1)
    assert set(unmet(version)) == {"score"}


def test_no_examples_is_not_evaluated():
    version = gated()
    give_examples(version.prompt, 0)
    assert unmet(version)["evaluated"].detail.startswith("It is not evaluated: the prompt has no examples.")


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"description": " "}, "The prompt lacks description."),
     ({"metadata": {"outputs": {"text": ""}}}, "The prompt lacks inputs."),
     ({"metadata": {}}, "The prompt lacks inputs, outputs."),
     ({"metadata": {"inputs": {"other": ""}, "outputs": ["text"]}}, "Its inputs do not name name.")],
)  # fmt: skip
def test_metadata_must_be_up_to_date(fields, said):
    version = gated()
    evidence(version)
    version.prompt.change(by=TESTER, **fields)
    with refused("gate_failed") as caught:
        promote(version)
    assert said in caught.value.detail


@pytest.mark.parametrize("inputs", [{"name": "who"}, ["name"], [{"name": "name", "type": "text"}]])
def test_inputs_may_be_declared_in_three_ways(inputs):
    version = gated()
    version.prompt.change(by=TESTER, metadata={"inputs": inputs, "outputs": ["text"]})
    version.prompt.refresh_from_db()
    assert set(unmet(version)) == {"evaluated"}


@pytest.mark.parametrize(
    ("policy", "fields", "name"),
    [({"min_examples": 5}, {}, "examples"),
     ({}, {"errors": 1}, "errors"),
     ({"must_pass": ["smoke"]}, {"scores": [1, 0, 1, 1]}, "must_pass"),
     ({"fresh_for_days": 7}, {"age": 8}, "fresh")],
)  # fmt: skip
def test_each_further_condition_alone_refuses(policy, fields, name):
    version = gated(**policy)
    evidence(version, **fields)
    with refused("gate_failed") as caught:
        promote(version)
    assert [one["name"] for one in caught.value.data["conditions"] if not one["met"]] == [name]


def test_all_unmet_conditions_are_listed_at_once():
    version = gated(min_examples=5, required_approvals=1)
    version.prompt.change(by=TESTER, description="")
    evidence(version, 0.5, errors=4)
    version.prompt.refresh_from_db()
    assert set(unmet(version)) == {"approvals", "metadata", "examples", "score", "errors"}


class TestRegression:
    def live_and_next(self, examples: int, live: list[float], candidate: list[float], **policy) -> PromptVersion:
        version = gated(examples=examples, max_drop=0.05, **policy)
        evidence(version, 0.95, scores=live)
        present = promote(version)
        draft = present.create_new(by=TESTER, seen=ANYTHING, template_source="Hi {{ name }}")
        draft = draft.promote(by=TESTER, to="TST", seen=ANYTHING)
        evidence(draft, 0.9, scores=candidate)
        return draft

    def test_a_drop_that_chance_could_explain_does_not_block(self):
        draft = self.live_and_next(20, [1.0] * 20, [1.0] * 18 + [0.0] * 2)
        condition = next(one for one in gates.ask(draft) if one.name == "no_regression")
        assert condition.met
        assert condition.actual == pytest.approx(0.1)
        assert "can show a drop of" in condition.detail
        assert promote(draft).stage == "PRD"

    def test_a_drop_that_chance_does_not_explain_blocks(self):
        draft = self.live_and_next(20, [1.0] * 20, [1.0] * 14 + [0.0] * 6)
        with refused("gate_failed") as caught:
            promote(draft)
        assert "It scores 0.3 below v1.0, and not by chance" in caught.value.detail

    def test_without_a_run_of_what_is_live_there_is_nothing_to_compare_with(self):
        draft = self.live_and_next(4, [1.0] * 4, [1.0] * 4)
        give_examples(draft.prompt, 5)
        evidence(draft, 0.9, scores=[1.0] * 5)
        assert "Evaluate v1.0 too." in unmet(draft)["no_regression"].detail

    def test_the_first_version_has_nothing_to_be_worse_than(self):
        version = gated(max_drop=0.0)
        evidence(version)
        assert promote(version).stage == "PRD"


class TestOverride:
    REASON = "The customer waits for it."

    def test_it_is_written_down_for_ever_with_what_it_went_past(self, manager):
        version = gated()
        evidence(version, 0.5)
        live = perform("promote", version, by=manager, seen=Seen.of(version), to="PRD", override=True,
                       reason=self.REASON)  # fmt: skip
        assert live.stage == "PRD"
        event = LedgerEvent.objects.latest("pk")
        assert (event.action, event.reason, event.actor) == ("promoted_by_override", self.REASON, "manager")
        assert [one["name"] for one in event.detail["overridden"]] == ["score"]
        assert list(problems()) == []
        assert PromptVersion.objects.for_lists().get(pk=live.pk).overridden is True

    def test_it_takes_a_permission_of_its_own(self, engineer):
        version = gated()
        before = everything()
        with pytest.raises(Forbidden):
            perform("promote", version, by=engineer, seen=ANYTHING, to="PRD", override=True, reason=self.REASON)
        assert everything() == before

    @pytest.mark.parametrize("reason", ["", "   ", "too short", "\u200b" * 12, "short \u200d\ufeff\u200b\u200b\u200b"])
    def test_it_takes_a_reason(self, manager, reason):
        version = gated()
        before = everything()
        with pytest.raises(BadInput, match="An override needs a reason of at least 10 characters"):
            perform("promote", version, by=manager, seen=ANYTHING, to="PRD", override=True, reason=reason)
        assert everything() == before

    def test_where_nothing_is_in_the_way_it_is_no_override(self, manager):
        version = gated()
        evidence(version)
        perform("promote", version, by=manager, seen=ANYTHING, to="PRD", override=True)
        assert LedgerEvent.objects.latest("pk").action == "promoted"

    def test_an_author_does_not_override_the_approval_of_others(self, manager):
        version = make_version("TST", prompt=gated(required_approvals=1).prompt)
        own = version.create_new(by=manager, seen=ANYTHING).promote(by=manager, to="TST", seen=ANYTHING)
        with refused("gate_failed"):
            perform("promote", own, by=manager, seen=ANYTHING, to="PRD", override=True, reason=self.REASON)


class TestApi:
    def test_a_refusal_is_a_409_with_all_conditions(self, api):
        version = gated()
        answer = api("POST", "/prompts/gated/versions/v1.0/promote", {"to": "PRD"})
        body = answer.json()
        assert (answer.status_code, body["code"]) == (409, "gate_failed")
        assert {one["name"]: one["met"] for one in body["conditions"]} == {
            "structure": True, "metadata": True, "evaluated": False,
        }  # fmt: skip
        assert set(body["conditions"][0]) == {"name", "met", "detail", "actual", "required", "overridable"}
        version.refresh_from_db()
        assert version.stage == "TST"

    def test_the_gate_can_be_looked_at_before(self, api):
        evidence(gated(), 0.5)
        body = api("GET", "/prompts/gated/versions/v1.0/gate").json()
        assert body["passed"] is False
        assert [one["name"] for one in body["conditions"] if not one["met"]] == ["score"]

    def test_override_over_the_api(self, manager, engineer):
        gated()
        body = {"to": "PRD", "override": True, "reason": "Hotfix of a broken greeting"}
        path = "/prompts/gated/versions/v1.0/promote"
        assert Api(engineer.user)("POST", path, body).status_code == 403
        answer = Api(manager.user)("POST", path, body)
        assert (answer.status_code, answer.json()["stage"], answer.json()["overridden"]) == (200, "PRD", True)

    def test_set_active_obeys_the_gate(self, api):
        gated()
        answer = api("POST", "/prompts/gated/versions/v1.0/set-active", {"stage": "TST"})
        assert (answer.status_code, answer.json()["code"]) == (409, "gate_failed")

    def test_the_policy_is_read_and_set_by_key(self, api):
        api("POST", "/prompts", {"name": "p", "template_source": "x"})
        shown = api("GET", "/prompts/p").json()["evaluation"]
        assert (shown["threshold"], shown["scorer"], shown["required_approvals"]) == (None, {"type": "exact"}, 0)
        changed = api("PATCH", "/prompts/p", {"evaluation": {"threshold": 0.85, "scorer": "contains"}}).json()
        assert (changed["evaluation"]["threshold"], changed["evaluation"]["scorer"]) == (0.85, {"type": "contains"})
        again = api("PATCH", "/prompts/p", {"evaluation": {"repeat": 3}}).json()["evaluation"]
        assert (again["threshold"], again["repeat"]) == (0.85, 3)
        events = LedgerEvent.objects.count()
        whole = api("GET", "/prompts/p").json()
        assert api("PATCH", "/prompts/p", {"evaluation": whole["evaluation"]}).json() == whole
        assert LedgerEvent.objects.count() == events
        assert api("PATCH", "/prompts/p", {"evaluation": {"threshold": None}}).json()["evaluation"]["threshold"] is None

    @pytest.mark.parametrize(
        ("key", "value"),
        [("threshold", 1.1), ("threshold", "0.5"), ("threshold", True), ("scorer", "nonsense"), ("repeat", 0),
         ("required_approvals", -1), ("auto_rollback", "maybe"), ("budget_usd", "free"), ("must_pass", "smoke"),
         ("nonsense", 1)],
    )  # fmt: skip
    def test_a_wrong_policy_is_named_and_not_stored(self, api, key, value):
        api("POST", "/prompts", {"name": "p", "template_source": "x"})
        before = everything()
        answer = api("PATCH", "/prompts/p", {"evaluation": {"repeat": 2, key: value}})
        assert answer.status_code == 400
        assert list(answer.json()["errors"]) == [f"evaluation.{key}"]
        assert everything() == before


def test_a_rollback_needs_no_gate_it_goes_back_to_what_was_good(manager):
    version = gated()
    evidence(version)
    live = promote(version)
    draft = live.create_new(by=TESTER, seen=ANYTHING, template_source="Hi {{ name }}")
    draft = draft.promote(by=TESTER, to="TST", seen=ANYTHING)
    evidence(draft)
    promote(draft)
    again = perform("rollback", PromptVersion.objects.get(pk=live.pk), by=manager, seen=ANYTHING, reason="Worse.")
    assert (again.stage, unmet(again)) == ("PRD", {})


def test_code_that_runs_is_registered_whatever_the_policy_says():
    prompt = make_tracking_prompt(name="code")
    ask_for(prompt, threshold=0.9)
    make_tracking_prompt(name="code", template_source="changed")
    assert PromptVersion.objects.get(prompt=prompt, stage="PRD").version == 2


def test_a_gate_that_is_removed_is_missed(settings):
    """The control: without the gate the same promotion goes through."""
    version = gated()
    with pytest.raises(GateFailed):
        promote(version)
    settings.PROMOTION_GATES = []
    assert promote(version).stage == "PRD"
