"""The table of actions: every button by stage, permission, mode and archive, against SPEC 2 written out once more."""

import itertools

import pytest

from accounts.roles import GROUPS
from common.errors import Forbidden
from tests.evaluations.gating import give_examples
from tests.factories import make_tracking_prompt, make_version
from tests.versions.refusing import everything, refused
from versions.actions import ACTIONS, HANDLERS, MATRIX, MORE, blocked_because, buttons, more_buttons, perform
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING, Seen
from versions.stages import Stage

NO_EDIT = "Cannot edit production versions"
NO_DELETE = "Cannot delete versions that have progressed beyond DEV"
WHERE_ON = {
    "DEV": {"edit", "test", "promote", "create", "delete", "archive", "unarchive", "evaluate"},
    "TST": {"edit", "test", "promote", "create", "archive", "unarchive", "evaluate", "approve", "set_active"},
    "PRD": {"test", "create", "evaluate", "set_active"},
    "RET": {"test", "create", "evaluate", "rollback"},
}
LABELS = {
    "DEV": ["Edit", "Test", "Promote to TST", "Create New Version", "Delete"],
    "TST": ["Edit", "Test", "Promote to PRD", "Create New Version", "Delete"],
    "PRD": ["Edit", "Test", "Create New Version", "Delete"],
    "RET": ["Edit", "Test", "Create New Version", "Delete"],
}
REASONS = {
    "DEV": {},
    "TST": {"delete": NO_DELETE},
    "PRD": {"edit": NO_EDIT, "delete": NO_DELETE},
    "RET": {"edit": NO_EDIT, "delete": NO_DELETE},
}
PERMISSIONS = {
    "edit": "versions.edit_promptversion", "test": "versions.test_promptversion",
    "create": "versions.create_promptversion", "delete": "versions.delete_promptversion",
    "archive": "versions.archive_promptversion", "unarchive": "versions.archive_promptversion",
    "rollback": "versions.rollback_promptversion", "approve": "versions.approve_promptversion",
    "evaluate": "evaluations.run_evaluation",
    "set_active": "versions.promote_to_prd",
}  # fmt: skip
CONFIRMED = {("DEV", "delete"), ("TST", "promote"), ("RET", "rollback")}


class Somebody:
    """A person with these permissions."""

    name = "somebody"

    def __init__(self, permissions):
        self.permissions = permissions

    def may(self, permission):
        return permission in self.permissions


EVERYBODY = {
    "manager": Somebody(GROUPS["Release manager"]),
    "engineer": Somebody(GROUPS["Prompt engineer"]),
    "viewer": Somebody(GROUPS["Viewer"]),
    "outsider": Somebody(()),
}
MANAGER = EVERYBODY["manager"]


def standing(stage, mode="full", archived=False):
    """A version in memory."""
    prompt = Prompt(name="p", mode=mode)
    version = PromptVersion(prompt=prompt, version=1, major=1, minor=0, stage=stage)
    version.archived_at = version.created_at if archived else None
    return version


def expected(name, stage, mode, archived, who):
    """The code of the refusal, or None: permission, then mode, then archive, then stage."""
    permission = PERMISSIONS.get(name) or ("versions.promote_to_tst" if stage == "DEV" else "versions.promote_to_prd")
    if permission not in EVERYBODY[who].permissions:
        return "permission_denied"
    if mode == "tracking" and name not in ("test", "evaluate"):
        return "wrong_mode"
    if archived and name in ("edit", "promote", "archive", "approve", "set_active"):
        return "archived"
    if name not in WHERE_ON[stage]:
        return "immutable" if name == "edit" else "wrong_stage"
    return None


@pytest.mark.parametrize("name", ACTIONS)
def test_every_cell(name):
    cells = itertools.product(Stage.values, ["full", "tracking"], [False, True], EVERYBODY)
    for stage, mode, archived, who in cells:
        blocked = blocked_because(ACTIONS[name], standing(stage, mode, archived), EVERYBODY[who])
        cell = name, stage, mode, archived, who
        assert (blocked.code if blocked else None) == expected(*cell), cell


@pytest.mark.parametrize("stage", Stage.values)
def test_the_five_buttons_are_drawn_as_the_table_says(stage):
    shown = buttons(standing(stage), MANAGER)
    assert [button.label for button in shown] == LABELS[stage]
    assert {button.name: button.reason for button in shown if not button.enabled} == REASONS[stage]
    assert [button.name for button in shown if button.confirm] == [
        name for where, name in sorted(CONFIRMED) if where == stage and name in WHERE_ON[stage] and name != "rollback"
    ]


@pytest.mark.parametrize("stage", Stage.values)
def test_tracking_mode_turns_all_but_test_off_and_says_so(stage):
    shown = buttons(standing(stage, mode="tracking"), MANAGER)
    assert [button.label for button in shown] == LABELS[stage]
    assert [button.name for button in shown if button.enabled] == ["test"]
    assert {button.reason for button in shown if not button.enabled} == {
        "Prompt 'p' is in tracking mode. Use code-based endpoints instead."
    }


@pytest.mark.parametrize(
    ("stage", "archived", "names"),
    [("DEV", False, ["evaluate", "archive"]), ("DEV", True, ["evaluate", "unarchive"]),
     ("TST", False, ["evaluate", "archive"]), ("TST", True, ["evaluate", "unarchive"]),
     ("PRD", False, ["evaluate"]), ("RET", False, ["evaluate", "rollback"])],
)  # fmt: skip
def test_further_buttons_stand_where_they_do_something(stage, archived, names):
    shown = more_buttons(standing(stage, archived=archived), MANAGER)
    assert [(button.name, button.enabled) for button in shown] == [(name, True) for name in names]


def test_without_permission_a_button_is_off_and_says_what_to_do():
    shown = buttons(standing("TST"), EVERYBODY["viewer"])
    assert [button.enabled for button in shown] == [False] * 5
    assert shown[2].reason == "You are not allowed to do this: Promote to PRD. Ask an admin for the permission."


def test_who_may_promote_to_tst_alone_may_not_promote_to_prd():
    tester = Somebody({"versions.promote_to_tst"})
    assert blocked_because(ACTIONS["promote"], standing("DEV"), tester) is None
    for stage in ("TST", "PRD", "RET"):
        assert isinstance(blocked_because(ACTIONS["promote"], standing(stage), tester), Forbidden)


def test_the_table_is_whole():
    assert [action.name for action in MATRIX] == ["edit", "test", "promote", "create", "delete"]
    assert [action.name for action in MORE] == ["evaluate", "approve", "archive", "unarchive", "rollback"]
    assert set(ACTIONS) == {action.name for action in (*MATRIX, *MORE)} | {"set_active"}
    assert set(HANDLERS) == set(ACTIONS)
    for action, stage in itertools.product(ACTIONS.values(), Stage.values):
        assert (stage in action.on) == (action.name in WHERE_ON[stage])
        assert not (stage in action.on and stage in action.absent)


DATA = {
    "edit": {"template_source": "Pressed."}, "test": {"variables": {"name": "x"}}, "create": {}, "delete": {},
    "archive": {}, "unarchive": {}, "rollback": {"reason": "Because."}, "approve": {}, "evaluate": {},
    "set_active": {},
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("stage", Stage.values)
def test_a_press_does_what_its_button_promises(stage, name, manager):
    version = make_version(stage)
    if name == "evaluate":
        give_examples(version.prompt, 1)
    data = {"to": {"DEV": "TST"}.get(stage, "PRD")} if name == "promote" else DATA[name]
    if name in WHERE_ON[stage]:
        before = everything()
        perform(name, version, by=manager, seen=Seen.of(version), **data)
        # A run is no change; nothing was archived; what is in production is active already.
        unchanged = name in ("test", "evaluate", "unarchive") or (name, stage) == ("set_active", "PRD")
        assert (everything() == before) == unchanged
    else:
        with refused("immutable" if name == "edit" else "wrong_stage"):
            perform(name, version, by=manager, seen=Seen.of(version), **data)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ACTIONS)
def test_an_outsider_presses_in_vain(name, outsider):
    version = make_version("DEV")
    with refused("permission_denied", 403):
        perform(name, version, by=outsider, seen=ANYTHING, **DATA.get(name, {}))


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in ACTIONS if name not in ("test", "evaluate")])
def test_a_tracking_prompt_is_pressed_in_vain(name, manager):
    version = make_tracking_prompt(name="owned").versions.get()
    with refused("wrong_mode", 400) as caught:
        perform(name, version, by=manager, seen=ANYTHING, **DATA.get(name, {}))
    assert caught.value.detail == "Prompt 'owned' is in tracking mode. Use code-based endpoints instead."


@pytest.mark.django_db
def test_the_engineer_may_not_roll_back(engineer):
    version = make_version("RET")
    with refused("permission_denied", 403):
        perform("rollback", version, by=engineer, seen=ANYTHING, reason="Because.")


@pytest.mark.django_db
def test_a_permission_for_one_stage_does_not_reach_into_the_next(engineer):
    """Found in DEV; by the time the lock is held it is in TST, where the press would mean production."""
    found = make_version("DEV")
    PromptVersion.objects.get(pk=found.pk).promote(by=engineer, to="TST", seen=ANYTHING)
    for to in ("TST", "PRD"):
        with refused("stale"):
            perform("promote", found, by=engineer, seen=ANYTHING, to=to)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["edit", "promote", "create", "delete", "archive", "unarchive"])
def test_a_press_on_what_was_edited_since_is_late(name, engineer):
    version = make_version("DEV")
    seen = Seen.of(version)
    version = version.edit(by=engineer, seen=seen, template_source="Meanwhile.")
    with refused("stale") as caught:
        perform(name, version, by=engineer, seen=seen, **({"to": "TST"} if name == "promote" else DATA[name]))
    assert (caught.value.data["stage"], caught.value.data["revision"]) == ("DEV", 2)
