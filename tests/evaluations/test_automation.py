"""What the program does by itself (SPEC 7): evaluate on entering TST, promote what passed, roll back what fails."""

from datetime import timedelta

import pytest
from django.utils import timezone

from common.errors import BadInput
from evaluations import automation, datasets, rollback, running, starting, switch, undone
from evaluations.items import Item
from evaluations.models import EvaluationRun, Notice
from ledger.models import LedgerEvent
from repository.items import read_items
from repository.registration import register
from tests.evaluations.gating import METADATA, ask_for, evidence, gated, give_examples
from tests.evaluations.living import fresh, labels, live, scored
from tests.factories import TESTER, make_tracking_prompt
from tests.versions.refusing import everything
from versions import gates
from versions.actions import perform
from versions.models import PromptVersion
from versions.seen import ANYTHING, Seen
from versions.verifying import problems

pytestmark = pytest.mark.django_db


def waiting() -> list[str]:
    return [run.content_hash for run in EvaluationRun.objects.filter(status="queued")]


def open_notices() -> list[tuple[str, str, str]]:
    rows = Notice.objects.filter(resolved_at=None).order_by("pk")
    return [(row.kind, row.label, row.proposal) for row in rows]


def events(*actions: str) -> list[tuple[str, str]]:
    return list(LedgerEvent.objects.filter(action__in=actions).order_by("pk").values_list("action", "actor"))


class TestEvaluating:
    def draft(self, **policy):
        return gated(**{"auto_evaluate": True, **policy}).create_new(
            by=TESTER, seen=ANYTHING, template_source="Hey {{ name }}"
        )

    def test_a_version_that_enters_tst_is_queued_with_the_move(self):
        draft = self.draft()
        EvaluationRun.objects.all().delete()
        version = draft.promote(by=TESTER, to="TST", seen=ANYTHING)
        run = EvaluationRun.objects.get()
        assert (run.content_hash, run.status, run.created_by) == (version.content_hash, "queued", "system:automation")
        assert run.environment == "tst"

    def test_so_is_an_edit_in_tst_but_none_in_dev(self):
        draft = self.draft()
        EvaluationRun.objects.all().delete()
        draft = draft.edit(by=TESTER, seen=ANYTHING, template_source="Ho {{ name }}")
        assert waiting() == []
        version = draft.promote(by=TESTER, to="TST", seen=ANYTHING)
        edited = version.edit(by=TESTER, seen=ANYTHING, template_source="Hi {{ name }}")
        assert waiting() == [edited.content_hash, version.content_hash]

    def test_a_move_that_does_not_happen_queues_nothing(self, monkeypatch):
        draft = self.draft()
        EvaluationRun.objects.all().delete()

        def too_late(version, action, by):
            automation.version_changed(version, action, by)
            assert waiting()
            raise ZeroDivisionError

        monkeypatch.setattr("tests.evaluations.test_automation.hook", too_late)
        with pytest.raises(ZeroDivisionError):
            draft.promote(by=TESTER, to="TST", seen=ANYTHING)
        assert waiting() == []
        assert fresh(draft).stage == "DEV"

    @pytest.fixture(autouse=True)
    def hooked(self, settings):
        settings.VERSION_CHANGED = ["tests.evaluations.test_automation.hook"]

    def test_what_has_its_proof_is_not_run_again(self):
        version = gated(auto_evaluate=True)
        EvaluationRun.objects.all().delete()
        evidence(version)
        version.create_new(by=TESTER, seen=ANYTHING).promote(by=TESTER, to="TST", seen=ANYTHING)
        assert waiting() == []

    @pytest.mark.parametrize("policy", [{"auto_evaluate": False}, {"threshold": None}])
    def test_nobody_pays_for_what_nobody_asked_for(self, policy):
        draft = self.draft(**policy)
        EvaluationRun.objects.all().delete()
        draft.promote(by=TESTER, to="TST", seen=ANYTHING)
        assert waiting() == []

    def test_without_examples_the_move_is_as_ever(self):
        version = gated(examples=0, auto_evaluate=True)
        assert (version.stage, waiting(), open_notices()) == ("TST", [], [])

    def test_switched_off_nothing_is_queued(self):
        draft = self.draft()
        EvaluationRun.objects.all().delete()
        switch.turn(False, by=TESTER)
        draft.promote(by=TESTER, to="TST", seen=ANYTHING)
        assert waiting() == []

    def test_what_hinders_the_run_does_not_hinder_the_move(self, monkeypatch):
        draft = self.draft(budget_usd="1")
        EvaluationRun.objects.all().delete()
        monkeypatch.setattr("evaluations.starting.estimated", lambda *args: 5)
        version = draft.promote(by=TESTER, to="TST", seen=ANYTHING)
        assert (version.stage, waiting()) == ("TST", [])
        assert open_notices() == [("not_evaluated", "v1.1", "")]
        assert "This run would cost about $5.0000" in Notice.objects.get().text
        assert list(problems()) == []

    def test_first_examples_are_waited_for_later_ones_are_not(self):
        version = gated(examples=0, auto_evaluate=True)
        give_examples(version.prompt, 3)
        assert waiting() == [version.content_hash]
        give_examples(version.prompt, 4)
        assert len(waiting()) == 1


def hook(version, action, by):
    """What TestEvaluating calls, so that a test can break off after it."""
    automation.version_changed(version, action, by)


class TestPromoting:
    @pytest.mark.parametrize(("mode", "stage"), [("off", "TST"), ("propose", "TST"), ("auto", "PRD")])
    def test_a_run_that_passes(self, mode, stage):
        version = gated(auto_promote=mode)
        scored(version, 0.9)
        assert fresh(version).stage == stage
        assert open_notices() == ([("ready", "v1.0", "promote")] if mode == "propose" else [])
        assert events("promotion_proposed", "promoted")[1:] == {
            "off": [], "propose": [("promotion_proposed", "system:automation")],
            "auto": [("promoted", "system:automation")],
        }[mode]  # fmt: skip
        assert list(problems()) == []

    @pytest.mark.parametrize("score", [0.84, None])
    def test_a_run_that_fails_or_says_nothing_moves_nothing(self, score):
        version = gated(auto_promote="auto")
        assert scored(version, score).verdict == ("fail" if score else "inconclusive")
        assert (fresh(version).stage, open_notices()) == ("TST", [])

    def test_a_gate_that_is_not_open_holds_it(self, manager):
        version = gated(auto_promote="auto", required_approvals=1)
        scored(version, 0.9)
        assert (fresh(version).stage, open_notices()) == ("TST", [])
        approved = perform("approve", fresh(version), by=manager, seen=Seen.of(fresh(version)))
        assert approved.stage == fresh(version).stage == "PRD"
        assert events("approved", "promoted")[1:] == [("approved", "manager"), ("promoted", "system:automation")]

    def test_an_approval_before_the_run_moves_nothing(self, manager):
        version = gated(auto_promote="auto", required_approvals=1)
        perform("approve", fresh(version), by=manager, seen=Seen.of(fresh(version)))
        assert fresh(version).stage == "TST"
        scored(version, 0.9)
        assert fresh(version).stage == "PRD"

    def test_an_edit_since_the_run_began_holds_it(self):
        version = gated(auto_promote="auto")
        run = starting.start(version, by=TESTER)
        version.edit(by=TESTER, seen=ANYTHING, template_source="Hey {{ name }}")
        assert running.work(run.pk).verdict == "pass"
        assert (fresh(version).stage, open_notices()) == ("TST", [])

    def test_an_archived_draft_stays_where_it_is(self):
        version = gated(auto_promote="auto").archive(by=TESTER, seen=ANYTHING)
        scored(version, 0.9)
        assert (fresh(version).stage, open_notices()) == ("TST", [])

    def test_switched_off_it_is_proposed(self):
        version = gated(auto_promote="auto")
        switch.turn(False, by=TESTER)
        scored(version, 0.9)
        assert (fresh(version).stage, open_notices()) == ("TST", [("ready", "v1.0", "promote")])

    @pytest.mark.parametrize("what", ["edit", "archive", "promote"])
    def test_a_proposal_is_overtaken_by_what_happens(self, what):
        version = gated(auto_promote="propose")
        scored(version, 0.9)
        if what == "edit":
            version.edit(by=TESTER, seen=ANYTHING, template_source="Hey {{ name }}")
        elif what == "archive":
            version.archive(by=TESTER, seen=ANYTHING)
        else:
            version.promote(by=TESTER, to="PRD", seen=ANYTHING)
        assert open_notices() == []
        assert (Notice.objects.get().resolution, Notice.objects.get().resolved_by) == ("overtaken", "system:automation")
        assert LedgerEvent.objects.latest("pk").action == "notice_resolved"

    def test_another_version_that_is_ready_stays_so(self):
        first = gated(auto_promote="propose")
        scored(first, 0.9)
        other = first.create_new(by=TESTER, seen=ANYTHING, template_source="Hey {{ name }}")
        other = other.promote(by=TESTER, to="TST", seen=ANYTHING)
        scored(other, 0.9)
        other.promote(by=TESTER, to="PRD", seen=ANYTHING)
        assert open_notices() == [("ready", "v1.0", "promote")]

    def test_what_code_registered_is_not_moved(self):
        prompt = make_tracking_prompt(name="code", template_source="Hello {{ name }}")
        ask_for(prompt, threshold=0.5, auto_promote="auto", auto_evaluate=False)
        prompt.change(by=TESTER, description="Greets.", metadata=METADATA)
        give_examples(prompt, 3)
        register(read_items([{"name": "code", "template_source": "Hey {{ name }}", "environment": "tst"}]), by=TESTER)
        version = prompt.versions.get(version=2)
        assert scored(version, 0.9).verdict == "pass"
        assert all(one.met for one in gates.ask(fresh(version)))
        assert (fresh(version).stage, open_notices()) == ("TST", [])


class TestLive:
    def test_off_it_is_an_alert(self):
        version = live()
        run = scored(version, 0.5)
        assert labels(version) == {"v1.0": "RET", "v1.1": "PRD"}
        assert open_notices() == [("below_threshold", "v1.1", "")]
        notice = Notice.objects.get()
        assert (notice.run_id, notice.text) == (run.pk, "v1.1, which is live, scores 0.5: below the threshold 0.85.")
        event = LedgerEvent.objects.latest("pk")
        assert (event.action, event.label, event.reason, event.actor) == (
            "alerted", "v1.1", notice.text, "system:automation",
        )  # fmt: skip

    def test_propose_names_what_it_would_go_back_to(self):
        version = live(auto_rollback="propose")
        scored(version, 0.5)
        assert labels(version) == {"v1.0": "RET", "v1.1": "PRD"}
        assert open_notices() == [("below_threshold", "v1.1", "rollback")]
        assert Notice.objects.get().target.label == "v1.0"
        assert LedgerEvent.objects.latest("pk").detail["target"] == "v1.0"

    def test_auto_goes_back_forward_only_in_one_step(self):
        version = live(auto_rollback="auto")
        retired = fresh(version.prompt.versions.get(version=1))
        run = scored(version, 0.5)
        assert labels(version) == {"v1.0": "RET", "v1.1": "RET", "v1.2": "PRD"}
        again = fresh(version.prompt.versions.get(version=3))
        assert (again.rollback_of, again.content_hash) == (1, retired.content_hash)
        assert vars_of(fresh(retired)) == vars_of(retired)
        event = LedgerEvent.objects.get(action="rolled_back")
        assert (event.actor, event.label, event.replaced) == ("system:automation", "v1.2", 2)
        assert event.reason == f"v1.1, which is live, scores 0.5: below the threshold 0.85. (evaluation {run.pk})"
        assert open_notices() == [("rolled_back", "v1.2", "")]
        assert [one for one in gates.ask(again) if not one.met] == []
        assert list(problems()) == []

    def test_a_score_at_the_threshold_is_fine(self):
        version = live(auto_rollback="auto")
        assert scored(version, 0.85).verdict == "pass"
        assert (labels(version)["v1.1"], open_notices()) == ("PRD", [])

    def test_what_must_pass_and_fails_is_named(self):
        version = live(auto_rollback="off")
        ask_for(version.prompt, must_pass=["smoke"])
        rows = [Item(f"ex-{n}", {"name": f"n{n}"}, {"value": "x"}, tags=("smoke",)) for n in range(10)]
        datasets.replace(version.prompt, by=TESTER, examples=rows)
        scored(version, None, scores=[1.0] * 9 + [0.0])
        assert Notice.objects.get().text == "v1.1, which is live, fails examples that must pass: ex-9."

    def test_a_run_that_says_nothing_does_nothing_and_says_so(self):
        version = live(auto_rollback="auto")
        scored(version, None)
        assert (labels(version)["v1.1"], open_notices()) == ("PRD", [("inconclusive", "v1.1", "")])
        scored(version, 0.9, status="failed")
        assert open_notices() == [("inconclusive", "v1.1", "")]
        scored(version, 0.9)
        assert open_notices() == []

    def test_worse_than_in_its_first_run_is_a_regression_also_above_the_threshold(self):
        version = live(examples=40, max_drop=0.05, auto_rollback="auto")
        assert scored(version, None, scores=[1.0] * 35 + [0.0] * 5).verdict == "pass"
        assert labels(version)["v1.2"] == "PRD"
        assert "scores 0.125 less than in its first evaluation" in LedgerEvent.objects.get(action="rolled_back").reason

    def test_a_drop_that_chance_explains_is_none(self):
        version = live(examples=40, max_drop=0.05, auto_rollback="auto")
        scored(version, None, scores=[1.0] * 37 + [0.0] * 3)
        assert (labels(version)["v1.1"], open_notices()) == ("PRD", [])

    def test_a_run_of_another_text_of_the_same_version_says_nothing(self):
        version = live(auto_rollback="auto")
        scored(version, 0.5, content_hash="0" * 64)
        assert (labels(version)["v1.1"], open_notices()) == ("PRD", [])

    def test_a_retired_version_that_fails_changes_nothing(self):
        version = live(auto_rollback="auto")
        scored(version.prompt.versions.get(version=1), 0.1)
        assert (labels(version)["v1.1"], open_notices()) == ("PRD", [])

    def test_the_same_is_not_said_twice(self):
        version = live()
        for _ in range(2):
            scored(version, 0.5)
        assert len(open_notices()) == len(events("alerted")) == 1

    def test_a_pass_takes_the_alert_back(self):
        version = live()
        scored(version, 0.5)
        scored(version, 0.9)
        assert open_notices() == []
        assert Notice.objects.get().resolution == "overtaken"

    def test_what_git_owns_is_told_and_left(self):
        prompt = make_tracking_prompt(name="code", template_source="Hello {{ name }}")
        make_tracking_prompt(name="code", template_source="Hey {{ name }}")
        give_examples(prompt, 4)
        ask_for(prompt, threshold=0.85, auto_rollback="auto")
        version = prompt.production
        version.prompt = prompt
        scored(version, 0.5)
        assert prompt.production.version == 2
        assert Notice.objects.get().text.endswith("Git owns the text of this prompt: revert it there.")
        assert open_notices() == [("below_threshold", "v2.0", "")]


def vars_of(version: PromptVersion) -> dict:
    return PromptVersion.objects.filter(pk=version.pk).values().get()


class TestGuards:
    """Each alone holds the rollback, and the alert says why."""

    def held(self, version, said, *, target: bool = True):
        before = labels(version)
        scored(fresh(version), 0.5)
        assert labels(version) == before
        notice = Notice.objects.filter(resolved_at=None).latest("pk")
        assert said in notice.text
        assert (notice.kind, notice.proposal) == ("below_threshold", "rollback" if target else "")

    def test_the_switch(self):
        version = live(auto_rollback="auto")
        switch.turn(False, by=TESTER)
        self.held(version, "Automation is switched off.")

    def test_the_setting(self, settings):
        settings.AUTOMATION = False
        self.held(live(auto_rollback="auto"), "Automation is switched off.")

    def test_nothing_to_go_back_to(self):
        self.held(live(versions=1, auto_rollback="auto"), "There is no earlier version to go back to", target=False)

    def test_nothing_that_passes_on_the_present_examples(self):
        version = live(auto_rollback="auto")
        give_examples(version.prompt, 5)
        self.held(version, "There is no earlier version to go back to", target=False)

    def test_nothing_that_reaches_the_present_threshold(self):
        version = live(auto_rollback="auto", threshold=0.96)
        self.held(version, "There is no earlier version to go back to", target=False)

    def test_an_earlier_one_that_failed_since_is_passed_over(self):
        version = live(versions=3, auto_rollback="auto")
        scored(version.prompt.versions.get(version=2), 0.1)
        scored(version, 0.5)
        assert fresh(version.prompt.versions.get(version=4)).rollback_of == 1

    def test_without_a_threshold_having_been_live_is_enough(self):
        version = live(auto_rollback="auto", threshold=None)
        assert automation.trouble(version, "signal", "It fails.").rollback_of == 1

    def test_an_override(self, manager):
        version = live(auto_rollback="auto")
        bad = version.create_new(by=TESTER, seen=ANYTHING, template_source="Bye {{ name }}")
        bad = bad.promote(by=TESTER, to="TST", seen=ANYTHING)
        perform("promote", bad, by=manager, seen=ANYTHING, to="PRD", override=True, reason="The customer waits.")
        self.held(bad, "v1.2 went to production by override: a person decided that")

    def test_the_cooldown(self):
        version = live(versions=3, auto_rollback="auto")
        now = timezone.now()
        again = automation.trouble(version, "signal", "It fails.", at=now)
        assert again.rollback_of == 2
        assert automation.trouble(again, "signal", "It fails.", at=now + timedelta(minutes=59)) is None
        assert open_notices()[-1] == ("signal", "v1.3", "rollback")
        assert "The last rollback was less than 60 minutes ago." in Notice.objects.latest("pk").text
        assert automation.trouble(again, "signal", "It fails.", at=now + timedelta(minutes=60)).rollback_of == 1
        assert [kind for kind, *_ in open_notices()] == ["rolled_back"]

    def test_three_in_a_row_are_enough_until_a_person_acts(self, manager):
        version = live(versions=5, auto_rollback="auto")
        now = timezone.now()
        for hours in range(1, 4):
            version = automation.trouble(version, "signal", "It fails.", at=now + timedelta(hours=hours))
            assert version is not None
        assert version.rollback_of == 2
        assert automation.trouble(version, "signal", "It fails.", at=now + timedelta(days=9)) is None
        assert "It was rolled back 3 times in a row without a person" in Notice.objects.latest("pk").text
        before = labels(version)
        first = version.prompt.versions.get(version=1)
        mine = perform("rollback", fresh(first), by=manager, seen=ANYTHING, reason="I looked at it.")
        assert labels(version) != before
        assert rollback.automatic_in_a_row(mine.prompt) == []

    def test_a_text_that_was_rolled_back_is_never_gone_back_to(self):
        """A and B by turns: nobody swings between them."""
        version = live(auto_rollback="auto")
        now = timezone.now()
        again = automation.trouble(version, "signal", "B fails.", at=now)
        assert again.rollback_of == 1
        assert automation.trouble(again, "signal", "A fails.", at=now + timedelta(days=1)) is None
        assert labels(version) == {"v1.0": "RET", "v1.1": "RET", "v1.2": "PRD"}
        assert "There is no earlier version to go back to" in Notice.objects.latest("pk").text

    def test_such_a_text_needs_an_override_to_come_back(self, manager, engineer):
        version = live(auto_rollback="auto")
        automation.trouble(version, "signal", "It fails.")
        draft = fresh(version).create_new(by=TESTER, seen=ANYTHING).promote(by=TESTER, to="TST", seen=ANYTHING)
        before = everything()
        with pytest.raises(gates.GateFailed) as caught:
            perform("promote", fresh(draft), by=engineer, seen=ANYTHING, to="PRD")
        assert [one["name"] for one in caught.value.data["conditions"] if not one["met"]] == ["rolled_back"]
        assert everything() == before
        done = perform("promote", fresh(draft), by=manager, seen=ANYTHING, to="PRD", override=True,
                       reason="It was not the text.")  # fmt: skip
        assert done.stage == "PRD"

    def test_a_rollback_to_the_same_text_takes_nothing_back(self, manager):
        version = live(auto_rollback="auto")
        again = perform("rollback", version.prompt.versions.get(version=1), by=manager, seen=ANYTHING, reason="Back.")
        same = perform("rollback", version.prompt.versions.get(version=1), by=manager, seen=ANYTHING, reason="Again.")
        assert again.content_hash == same.content_hash
        assert undone.texts(version.prompt) == {version.content_hash}

    def test_a_promotion_by_hand_takes_a_proposed_rollback_back(self):
        version = live(auto_rollback="propose")
        scored(version, 0.5)
        good = version.create_new(by=TESTER, seen=ANYTHING, template_source="Hey {{ name }}")
        good = good.promote(by=TESTER, to="TST", seen=ANYTHING)
        evidence(good)
        good.promote(by=TESTER, to="PRD", seen=ANYTHING)
        assert open_notices() == []
        assert automation.trouble(version, "signal", "It fails.") is None
        assert fresh(good).stage == "PRD"

    def test_a_target_that_cannot_be_brought_back_is_told(self, monkeypatch):
        version = live(auto_rollback="auto")

        def refuse(self, **kwargs):
            raise BadInput("Its text is not valid any more.")

        monkeypatch.setattr(PromptVersion, "roll_back", refuse)
        self.held(version, "Its text is not valid any more.")
