"""Approvals (SPEC 7): by others than the authors, bound to what the version says, on API and page alike."""

import pytest

from common.errors import Conflict
from evaluations import approving
from evaluations.models import Approval
from ledger.models import LedgerEvent
from tests.conftest import Api, make_person, make_user
from tests.evaluations.gating import ask_for
from tests.factories import make_prompt
from tests.versions.refusing import everything, refused
from versions import gates
from versions.actions import more_buttons, perform
from versions.models import PromptVersion
from versions.seen import ANYTHING, Seen

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(engineer) -> PromptVersion:
    """The engineer's version in TST; two others have to approve."""
    prompt = make_prompt(name="p", by=engineer)
    ask_for(prompt, required_approvals=2)
    return prompt.versions.get().promote(by=engineer, to="TST", seen=ANYTHING)


@pytest.fixture
def second(db):
    """Another release manager."""
    user = make_user("second")
    user.groups.add(*make_user("manager-of-groups").groups.all())
    from django.contrib.auth.models import Group

    user.groups.add(Group.objects.get(name="Release manager"))
    return make_person(user)


def approve(version, by, **more):
    return perform("approve", version, by=by, seen=Seen.of(PromptVersion.objects.get(pk=version.pk)), **more)


def standing(version):
    fresh = PromptVersion.objects.select_related("prompt").get(pk=version.pk)
    return next(one for one in gates.ask(fresh) if one.name == "approvals")


def promote(version, by):
    fresh = PromptVersion.objects.select_related("prompt").get(pk=version.pk)
    return perform("promote", fresh, by=by, seen=Seen.of(fresh), to="PRD")


def test_two_others_make_it_pass_and_each_is_in_the_ledger(version, engineer, manager, second):
    assert standing(version).detail.startswith(
        "Nobody has approved it yet. It takes 2, from others than engineer. Asked"
    )
    approve(version, manager, reason="Read it.")
    assert (standing(version).actual, standing(version).required) == (1, 2)
    with refused("gate_failed"):
        promote(version, engineer)
    approve(version, second)
    assert standing(version).met
    assert promote(version, engineer).stage == "PRD"
    said = LedgerEvent.objects.filter(action="approved").order_by("pk").values_list("actor", "reason")
    assert list(said) == [("manager", "Read it."), ("second", "")]


def test_the_same_person_counts_once(version, manager):
    approve(version, manager)
    before = everything(), Approval.objects.count()
    approve(version, manager)
    assert (everything(), Approval.objects.count()) == before


def test_an_edit_voids_them_and_the_same_text_brings_them_back(version, engineer, manager, second):
    for one in (manager, second):
        approve(version, one)
    edited = version.edit(by=engineer, seen=ANYTHING, template_source="Other {{ name }}")
    assert not standing(edited).met
    again = edited.edit(by=engineer, seen=ANYTHING, template_source="Hello {{ name }}!")
    assert standing(again).met


def test_nobody_approves_what_they_made_or_edited(version, manager, second):
    own = version.create_new(by=manager, seen=ANYTHING).promote(by=manager, to="TST", seen=ANYTHING)
    before = everything()
    with refused("own_version"):
        approve(own, manager)
    assert everything() == before
    version.edit(by=second, seen=ANYTHING, template_source="Edited {{ name }}")
    with pytest.raises(Conflict) as caught:
        approve(version, second)
    assert caught.value.code == "own_version"
    assert Approval.objects.count() == 0


def test_who_approved_and_edited_later_no_longer_counts(version, manager, second):
    approve(version, manager)
    approve(version, second)
    edited = version.edit(by=second, seen=ANYTHING, template_source="Edited {{ name }}")
    approve(edited, manager)
    assert standing(edited).actual == 1


def test_the_button_is_off_for_who_edited_it(version, second):
    edited = version.edit(by=second, seen=ANYTHING, template_source="Edited {{ name }}")
    button = next(one for one in more_buttons(edited, second) if one.name == "approve")
    assert (button.enabled, button.reason) == (
        False,
        "You had a hand in this version: somebody else has to approve it.",
    )


def test_who_edited_it_does_not_override_the_approval_of_others(version, second):
    edited = version.edit(by=second, seen=ANYTHING, template_source="Edited {{ name }}")
    before = everything()
    with refused("gate_failed"):
        perform("promote", edited, by=second, seen=ANYTHING, to="PRD", override=True, reason="It is mine alone.")
    assert everything() == before


@pytest.mark.parametrize("lost", ["role", "account", "activity"])
def test_who_may_not_approve_any_more_does_not_count(version, engineer, manager, second, lost):
    for one in (manager, second):
        approve(version, one)
    assert standing(version).met
    if lost == "role":
        second.user.groups.clear()
    elif lost == "account":
        second.user.delete()
    else:
        second.user.is_active = False
        second.user.save()
    with refused("gate_failed"):
        promote(version, engineer)
    assert standing(version).actual == 1
    assert "What second approved does not count: they edited it since, or may not approve any more. It takes 2" in (
        standing(version).detail
    )


def test_the_panel_counts_as_the_gate_does(page, version, manager, second):
    for one in (manager, second):
        approve(version, one)
    version.edit(by=second, seen=ANYTHING, template_source="Edited {{ name }}")
    version.edit(by=second, seen=ANYTHING, template_source="Hello {{ name }}!")
    text = page.get("/prompts/p/versions/v1.0/").content.decode()
    assert '<span class="num quiet">1 of 2</span>' in text
    assert "does not count: edited it since, or may not approve any more" in text


@pytest.mark.parametrize("stage", ["DEV", "PRD"])
def test_only_what_is_in_tst_is_approved(version, engineer, manager, stage):
    ask_for(version.prompt, required_approvals=None)
    other = version.create_new(by=engineer, seen=ANYTHING)
    if stage == "PRD":
        other = other.promote(by=engineer, to="TST", seen=ANYTHING).promote(by=engineer, to="PRD", seen=ANYTHING)
    with refused("wrong_stage"):
        approve(other, manager)


def test_what_left_tst_while_the_press_waited_for_the_lock_is_not_approved(version, engineer, manager):
    """The row is looked at again under the lock: `perform` may have seen it before."""
    ask_for(version.prompt, required_approvals=None)
    version.promote(by=engineer, to="PRD", seen=ANYTHING)
    with refused("wrong_stage"):
        approving.approve(version, by=manager, seen=ANYTHING)


def test_the_button_is_there_where_approvals_are_asked_for(version, engineer, manager):
    def button(by):
        return next((one for one in more_buttons(version, by) if one.name == "approve"), None)

    assert button(manager).enabled
    assert not button(engineer).enabled
    ask_for(version.prompt, required_approvals=0)
    version.prompt.refresh_from_db()
    assert button(manager) is None


def test_a_late_approval_is_stale(version, engineer, manager):
    seen = Seen.of(version)
    version.edit(by=engineer, seen=ANYTHING, template_source="Meanwhile {{ name }}")
    with refused("stale"):
        perform("approve", version, by=manager, seen=seen)
    assert Approval.objects.count() == 0


def test_over_the_api(version, engineer, manager):
    path = "/prompts/p/versions/v1.0/approve"
    assert Api(engineer.user)("POST", path, {"stage": "TST"}).status_code == 403
    answer = Api(manager.user)("POST", path, {"stage": "TST", "revision": 1, "reason": "Good."})
    assert (answer.status_code, answer.json()["label"]) == (200, "v1.0")
    gate = Api(engineer.user)("GET", "/prompts/p/versions/v1.0/gate").json()
    assert [(one["name"], one["actual"], one["required"]) for one in gate["conditions"]] == [("approvals", 1, 2)]
