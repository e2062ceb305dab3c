"""What a finished run proves, by the policy as it stands when the gate is asked (SPEC 7; RELIABILITY 4.4)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from evaluations import concluding, datasets
from evaluations.items import Item
from evaluations.policy import Policy
from tests.evaluations.gating import ask_for, evidence, gated
from tests.evaluations.living import fresh, labels, scored
from tests.factories import TESTER
from tests.versions.refusing import everything, refused
from versions import gates
from versions.models import PromptVersion
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db


def condition(version: PromptVersion, name: str) -> gates.Condition:
    return next(one for one in gates.ask(fresh(version)) if one.name == name)


def closed(version: PromptVersion, name: str) -> str:
    """What the one unmet condition says; the promotion is refused and changes nothing."""
    before = everything()
    with refused("gate_failed") as caught:
        version.promote(by=TESTER, to="PRD", seen=ANYTHING)
    assert everything() == before
    unmet = [one for one in caught.value.data["conditions"] if not one["met"]]
    assert [one["name"] for one in unmet] == [name]
    return unmet[0]["detail"]


def tagged(version: PromptVersion) -> None:
    """Four examples; the first has to pass wherever the policy says smoke."""
    rows = [Item(f"ex-{n}", {"name": f"n{n}"}, {"value": "x"}, tags=() if n else ("smoke", 'a "b" é'))
            for n in range(4)]  # fmt: skip
    datasets.replace(version.prompt, by=TESTER, examples=rows)


class TestMustPass:
    @pytest.mark.parametrize("tag", ["smoke", 'a "b" é'])
    def test_a_tag_that_the_policy_names_after_the_run_counts(self, tag):
        version = gated(threshold=0.5)
        tagged(version)
        evidence(version, 0.75, scores=[0, 1, 1, 1])
        ask_for(version.prompt, must_pass=[tag])
        said = closed(version, "must_pass")
        assert said == (
            "Examples that must pass failed: ex-0. Look at what failed, change the text, evaluate it again."
        )

    def test_one_that_it_no_longer_names_does_not(self):
        version = gated(threshold=0.5, must_pass=["smoke"])
        tagged(version)
        evidence(version, 0.75, scores=[0, 1, 1, 1], figures={"must_pass_failed": ["ex-0"]})
        ask_for(version.prompt, must_pass=None)
        assert version.promote(by=TESTER, to="PRD", seen=ANYTHING).stage == "PRD"

    def test_a_tag_that_no_example_has_proves_nothing(self):
        """Mistyped, or the example is gone: nothing would hold the gate closed."""
        version = gated(threshold=0.5, must_pass=["smoke", "smokes"])
        tagged(version)
        evidence(version, 1.0, scores=[1, 1, 1, 1])
        said = closed(version, "must_pass")
        assert said == "No example has the tag smokes, which must pass. Tag one, or mend the policy."

    def test_an_example_that_could_not_be_scored_did_not_pass(self):
        version = gated(threshold=0.5, must_pass=["smoke"], max_error_rate=1)
        tagged(version)
        evidence(version, 1.0, scores=[None, 1, 1, 1], errors=1)
        assert "Examples that must pass failed: ex-0." in closed(version, "must_pass")


class TestAskedAsThePolicySays:
    def test_fewer_repeats_are_no_proof(self):
        version = gated(repeat=3)
        evidence(version, repeats=1)
        said = closed(version, "evaluated")
        assert said == "It asked each example once; the policy asks for 3 times. Evaluate v1.0 again."
        evidence(version, repeats=3)
        evidence(version, 0.1, repeats=2)  # newer, and no proof of anything
        assert condition(version, "score").met

    @pytest.mark.parametrize(
        ("policy", "said"),
        [({"provider": "openai"}, "It was answered by offline; the policy says openai."),
         ({"model_name": "large"}, "It was answered by small; the policy says large."),
         ({"params": {"temperature": 0}}, "It was answered with other parameters than the policy says."),
         ({"params": {"top_p": None}}, "It was answered with other parameters than the policy says.")],
    )  # fmt: skip
    def test_who_answers_is_part_of_it(self, policy, said):
        version = gated()
        evidence(version, provider="offline", model_name="small", params={"temperature": 1})
        assert condition(version, "evaluated").met
        ask_for(version.prompt, **policy)
        assert closed(version, "evaluated") == f"{said} Evaluate v1.0 again."

    def test_what_the_policy_names_and_the_run_had_is_proof(self):
        version = gated(provider="offline", model_name="small", params={"temperature": 1})
        evidence(version, provider="offline", model_name="small", params={"temperature": 1, "max_tokens": 9})
        assert version.promote(by=TESTER, to="PRD", seen=ANYTHING).stage == "PRD"

    def test_the_page_of_the_run_says_so_too(self, page):
        version = gated(repeat=3)
        run = evidence(version, repeats=1)
        text = page.get(f"/evaluations/{run.pk}/").content.decode()
        assert (
            "It asked each example once; the policy asks for 3 times. The gate wants a run that was asked so." in text
        )


def test_answers_that_could_not_be_scored_are_not_blamed_on_the_scorer():
    version = gated()
    evidence(version, None, errors=4)
    said = closed(version, "evaluated")
    assert said == "None of the 4 answers could be scored. Look at the errors, then evaluate again."


def test_what_is_live_and_could_not_be_scored_is_nothing_to_compare_with():
    version = gated(max_drop=0.05)
    evidence(version, scores=[1] * 4)
    live = version.promote(by=TESTER, to="PRD", seen=ANYTHING)
    draft = live.create_new(by=TESTER, seen=ANYTHING, template_source="Hi {{ name }}")
    draft = draft.promote(by=TESTER, to="TST", seen=ANYTHING)
    evidence(draft, scores=[1] * 4)
    evidence(live, None, errors=4)
    said = "v1.0, which is live, was evaluated with 4 errors: there is nothing to compare with. Evaluate v1.0 too."
    assert closed(draft, "no_regression") == said
    evidence(live, 0.9, errors=1, scores=[1, 1, 1, None])
    assert "was evaluated with 1 error: there" in closed(draft, "no_regression")


@pytest.mark.parametrize(("errors", "answers"), [(29, 100), (7, 100), (57, 100), (1, 3)])
def test_exactly_as_many_errors_as_may_be_are_fine_for_gate_and_verdict(errors, answers):
    """0.29 * 100 is 28.999999999999996: a product would let the two disagree."""
    version = gated(max_error_rate=errors / answers, threshold=0.5)
    run = evidence(version, 0.9, errors=errors, examples=answers)
    assert condition(version, "errors").met
    policy = Policy.of(fresh(version).prompt)
    assert concluding.verdict(run, 0.9, errors, {"must_pass_failed": []}, policy) == "pass"
    assert concluding.verdict(run, 0.9, errors + 1, {"must_pass_failed": []}, policy) == "inconclusive"


def test_an_age_of_some_hours_too_many_is_told_by_the_hour():
    version = gated(fresh_for_days=7)
    moment = timezone.now() - timedelta(days=7, hours=5, minutes=1)
    evidence(version, created_at=moment, completed_at=moment)
    said = "The evaluation is 7 days and 5 hours old; it may be 7 days. Evaluate it again."
    assert closed(version, "fresh") == said


def test_a_threshold_is_no_finer_than_scores_are(api):
    """Else both figures of a refusal would look the same."""
    api("POST", "/prompts", {"name": "p", "template_source": "x"})
    answer = api("PATCH", "/prompts/p", {"evaluation": {"threshold": 0.8500000001}})
    assert (answer.status_code, answer.json()["errors"]) == (
        400, {"evaluation.threshold": ["At most 9 digits behind the point."]},
    )  # fmt: skip
    for fine in (0, 1, 0.1 + 0.2 - 0.2, 0.123456789):
        wanted = round(fine, 9)
        assert api("PATCH", "/prompts/p", {"evaluation": {"threshold": wanted}}).status_code == 200


class TestGoingBack:
    def two_live(self, **policy) -> PromptVersion:
        """Two versions that were evaluated before anybody asked for a threshold; the newer one is live."""
        version = gated(threshold=None)
        evidence(version, 0.95, scores=[1] * 4)
        version.promote(by=TESTER, to="PRD", seen=ANYTHING)
        draft = version.create_new(by=TESTER, seen=ANYTHING, template_source="Hi {{ name }}")
        draft = draft.promote(by=TESTER, to="TST", seen=ANYTHING)
        evidence(draft, 0.95, scores=[1] * 4)
        draft.promote(by=TESTER, to="PRD", seen=ANYTHING)
        ask_for(version.prompt, threshold=0.85, auto_rollback="auto", **policy)
        return fresh(draft)

    def test_a_proof_from_before_the_threshold_counts_by_its_score(self):
        live = self.two_live()
        scored(live, 0.1)
        assert labels(live) == {"v1.0": "RET", "v1.1": "RET", "v1.2": "PRD"}

    def test_a_text_that_fails_what_must_pass_now_is_not_gone_back_to(self):
        live = self.two_live(must_pass=["smoke"])
        scored(live, 0.1)
        assert labels(live) == {"v1.0": "RET", "v1.1": "PRD"}
