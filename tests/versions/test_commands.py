"""`manage.py version_action`: a button pressed from a shell, by a user, under the same rules."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ledger.models import LedgerEvent
from tests.factories import make_tracking_prompt, make_version
from tests.versions.refusing import everything
from versions.models import PromptVersion

pytestmark = pytest.mark.django_db


def press(*arguments: str) -> str:
    out = StringIO()
    call_command("version_action", *arguments, stdout=out)
    return out.getvalue()


def refused(said: str, *arguments: str) -> None:
    before = everything()
    with pytest.raises(CommandError) as caught:
        press(*arguments)
    assert str(caught.value) == said
    assert everything() == before


def test_a_promotion_in_somebodys_name(engineer):
    make_version("DEV", name="Stan")
    assert press("promote", "Stan", "v1.0", "--from", "DEV", "--user", "engineer") == "Stan v1.0 is in TST.\n"
    arguments = ("promote", "Stan", "1", "--from", "TST", "--to", "PRD", "--user", "engineer", "--reason", "Ready.")
    assert press(*arguments) == "Stan v1.0 is in PRD.\n"
    event = LedgerEvent.objects.latest("id")
    assert (event.actor, event.actor_id, event.reason) == ("engineer", engineer.user_id, "Ready.")


def test_a_late_press_does_nothing(engineer):
    make_version("TST", name="Stan")
    refused(
        "v1.0 is in TST now; you saw it in DEV. Nothing was changed. (stale)",
        "promote", "Stan", "1.0", "--from", "DEV", "--user", "engineer",
    )  # fmt: skip


def test_a_target_that_is_not_next_is_refused(engineer):
    make_version("DEV", name="Stan")
    refused(
        "v1.0 is in DEV and can only go to TST, not to PRD. (illegal_move)",
        "promote", "Stan", "1.0", "--from", "DEV", "--to", "PRD", "--user", "engineer",
    )  # fmt: skip


def test_the_other_buttons(manager):
    make_version("RET", name="Stan")
    by = ("--user", "manager")
    assert press("create", "Stan", "v1.0", "--from", "RET", *by) == "Stan v1.2 is in DEV.\n"
    assert press("archive", "Stan", "v1.2", "--from", "DEV", *by) == "Stan v1.2 is in DEV.\n"
    assert press("unarchive", "Stan", "v1.2", "--from", "DEV", *by) == "Stan v1.2 is in DEV.\n"
    assert press("delete", "Stan", "v1.2", "--from", "DEV", *by) == "Stan v1.2: done.\n"
    assert press("rollback", "Stan", "v1.0", "--from", "RET", "--reason", "r", *by) == "Stan v1.3 is in PRD.\n"
    stages = list(PromptVersion.objects.order_by("version").values_list("version", "stage"))
    assert stages == [(1, "RET"), (2, "RET"), (4, "PRD")]


def test_what_a_person_may_not_a_shell_may_not(viewer, engineer):
    make_version("RET", name="Stan")
    said = "You are not allowed to do this: {}. Ask an admin for the permission. (permission_denied)"
    refused(said.format("Create New Version"), "create", "Stan", "v1.0", "--from", "RET", "--user", "viewer")
    refused(said.format("Roll back to this"), "rollback", "Stan", "v1.0", "--from", "RET", "--user", "engineer")


def test_a_tracking_prompt_is_refused(engineer):
    make_tracking_prompt(name="owned")
    said = "Prompt 'owned' is in tracking mode. Use code-based endpoints instead. (wrong_mode)"
    refused(said, "create", "owned", "v1.0", "--from", "PRD", "--user", "engineer")


def test_unknown_user_prompt_and_version_are_named(engineer):
    make_version("DEV", name="Stan")
    refused("There is no user 'nobody'.", "create", "Stan", "1", "--from", "DEV", "--user", "nobody")
    for prompt, version in (("Nobody", "1"), ("Stan", "7"), ("Stan", "latest")):
        with pytest.raises(CommandError, match=r"\(not_found\)$"):
            press("create", prompt, version, "--from", "DEV", "--user", "engineer")
