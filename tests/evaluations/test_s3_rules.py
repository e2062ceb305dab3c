"""S3's rules of evaluation and promotion, each through every door: page, API and command (S3-23 to S3-28, S3-34 to 37).

Nothing is made up here: runs are asked for through the door, carried out by what a worker calls, and judged by the gate.
"""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from evaluations import datasets, running
from evaluations.items import Item
from evaluations.models import EvaluationRun
from ledger.models import LedgerEvent
from tests.conftest import Api
from tests.evaluations.gating import ask_for, gated
from tests.factories import TESTER
from tests.versions.refusing import everything
from versions.models import PromptVersion
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db(transaction=True)


class Page:
    """The buttons, pressed in a browser."""

    def __init__(self, person):
        self.client = Client()
        self.client.force_login(person.user)

    def press(self, action, label="v1.0", **form):
        version = PromptVersion.objects.get(prompt__name="gated", version=int(label[3:]) + 1)
        said = {"seen_stage": version.stage, "seen_revision": str(version.revision), **form}
        path = f"/prompts/gated/versions/{label}/{action}/"
        answer = self.client.post(path, said, follow=True)
        return answer.status_code, answer.content.decode()

    def evaluate(self, label="v1.0"):
        status, text = self.press("evaluate", label)
        assert status == 200, text

    def promote(self, label="v1.0"):
        status, text = self.press("promote", label, to="PRD")
        return "" if status == 200 else text


class OverApi(Page):
    """The API."""

    def __init__(self, person):
        self.api = Api(person.user)

    def evaluate(self, label="v1.0"):
        assert self.api("POST", f"/prompts/gated/versions/{label}/evaluate", {}).status_code == 201

    def promote(self, label="v1.0"):
        answer = self.api("POST", f"/prompts/gated/versions/{label}/promote", {"to": "PRD"})
        assert answer.status_code in (200, 409)
        return "" if answer.status_code == 200 else answer.json()["detail"]


class Command:
    """A shell."""

    def __init__(self, person):
        self.by = ("--user", person.name)

    def evaluate(self, label="v1.0"):
        stage = PromptVersion.objects.get(prompt__name="gated", version=int(label[3:]) + 1).stage
        call_command("version_action", "evaluate", "gated", label, "--from", stage, *self.by, stdout=StringIO())

    def promote(self, label="v1.0"):
        try:
            call_command("version_action", "promote", "gated", label, "--from", "TST", *self.by, stdout=StringIO())
        except CommandError as error:
            return str(error)
        return ""


@pytest.fixture(params=[Page, OverApi, Command], ids=["page", "api", "command"])
def door(request, engineer):
    """One way in, as the engineer."""
    return request.param(engineer)


def seventeen_of_twenty(version: PromptVersion, weight: float = 1.0) -> None:
    """Twenty examples, three of which the text gets wrong; `weight` is that of the last wrong one."""
    rows = [Item(f"ex-{n}", {"name": f"n{n}"}, {"value": f"Hello n{n}" if n < 17 else "Bye"},
                 weight=weight if n == 19 else 1.0) for n in range(20)]  # fmt: skip
    datasets.replace(version.prompt, by=TESTER, examples=rows)


def work() -> EvaluationRun:
    run = running.take_a_turn()
    assert run is not None
    assert run.status == "succeeded"
    return run


def stage(number: int = 1) -> str:
    return PromptVersion.objects.get(prompt__name="gated", version=number).stage


def test_a_score_at_the_threshold_passes(door):
    seventeen_of_twenty(gated())
    door.evaluate()
    assert (work().score, work_is_done()) == (0.85, True)
    assert door.promote() == ""
    assert stage() == "PRD"


def work_is_done() -> bool:
    return running.take_a_turn() is None


def test_a_hair_below_is_refused_and_both_figures_are_named(door):
    seventeen_of_twenty(gated(), weight=1.000001)
    door.evaluate()
    assert work().score == 0.849999958
    before = everything()
    assert "Its score 0.849999958 is below the threshold 0.85." in door.promote()
    assert everything() == before
    assert stage() == "TST"


def test_an_edit_after_the_run_blocks_and_the_same_text_again_has_its_proof(door):
    version = gated()
    door.evaluate()
    work()
    version = version.edit(by=TESTER, seen=ANYTHING, template_source="Hey {{ name }}")
    before = everything()
    assert "v1.0 was edited after its evaluation. Evaluate it again." in door.promote()
    assert everything() == before
    version.edit(by=TESTER, seen=ANYTHING, template_source="Hello {{ name }}")
    assert door.promote() == ""
    assert stage() == "PRD"


def test_an_identical_text_in_another_version_has_the_proof_of_the_first(door):
    version = gated()
    door.evaluate()
    work()
    version.create_new(by=TESTER, seen=ANYTHING).promote(by=TESTER, to="TST", seen=ANYTHING)
    assert door.promote("v1.1") == ""
    assert (stage(1), stage(2)) == ("TST", "PRD")


def test_metadata_that_is_not_up_to_date_blocks(door):
    version = gated()
    door.evaluate()
    work()
    version.prompt.change(by=TESTER, metadata={"inputs": ["other"], "outputs": ["text"]})
    before = everything()
    assert "Metadata is not up to date. Its inputs do not name name." in door.promote()
    assert everything() == before


def test_what_was_never_evaluated_is_blocked(door):
    gated()
    before = everything()
    assert "v1.0 is not evaluated. Evaluate it." in door.promote()
    assert everything() == before


def test_the_version_that_is_replaced_retires(door):
    version = gated()
    door.evaluate()
    work()
    assert door.promote() == ""
    version.create_new(by=TESTER, seen=ANYTHING).promote(by=TESTER, to="TST", seen=ANYTHING)
    assert door.promote("v1.1") == ""
    assert (stage(1), stage(2)) == ("RET", "PRD")


def test_without_a_policy_everything_promotes(door):
    version = gated()
    ask_for(version.prompt, threshold=None)
    assert door.promote() == ""
    assert stage() == "PRD"


def test_from_examples_to_production_without_a_hand(engineer):
    """S3-34 to S3-37: evaluated, scored, promoted and written down by itself."""
    version = gated(examples=0, auto_evaluate=True, auto_promote="auto")
    assert work_is_done()
    seventeen_of_twenty(version)
    assert work().score == 0.85
    assert stage() == "PRD"
    said = list(LedgerEvent.objects.order_by("-pk").values_list("action", "actor")[:2])
    assert said == [("promoted", "system:automation"), ("evaluated", "system:evaluation")]


def test_blocked_by_its_score_without_a_hand(engineer):
    version = gated(examples=0, auto_evaluate=True, auto_promote="auto")
    seventeen_of_twenty(version, weight=1.000001)
    assert work().verdict == "fail"
    assert (stage(), LedgerEvent.objects.latest("pk").action) == ("TST", "evaluated")
