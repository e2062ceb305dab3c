"""What changes what is served, or who may read it, is seen by the warm path at once, whoever changes it and how."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection, transaction
from django.http import HttpResponse
from django.utils import timezone

from accounts.models import ApiKey
from tests.factories import TESTER, make_agent, make_prompt, make_version
from tests.serving.conftest import Both, new_key
from versions import generation, guards
from versions.edge import FOREVER, OFFER
from versions.models import PromptVersion, ServedGeneration
from versions.seen import ANYTHING

STAN = "/v1/agents/Stan/prompt"
P = "/v1/prompts/p/active"


@pytest.fixture
def live(both: Both) -> PromptVersion:
    """What Stan serves."""
    return make_version("PRD", name="p", agent=make_agent(name="Stan"), template_source="Old")


@pytest.fixture(autouse=True)
def leases_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests change things past the server, which would wait: so no look is trusted here."""
    monkeypatch.setattr(generation, "LEASE", 0.0)


def warmed(both: Both, key: str) -> None:
    for path in (STAN, P):
        both.ask(path, X_API_KEY=key)


def same_as_django(both: Both, key: str) -> None:
    for path in (STAN, P):
        assert both.ask(path, X_API_KEY=key) == both.plainly(path, X_API_KEY=key)


def sql(statement: str) -> Callable[..., None]:
    def run(live: PromptVersion) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement.replace("LIVE", str(live.pk)).replace("PROMPT", str(live.prompt_id)))

    return run


def promote(live: PromptVersion) -> None:
    make_version("PRD", prompt=live.prompt, template_source="New")


def roll_back(live: PromptVersion) -> None:
    promote(live)
    PromptVersion.objects.select_related("prompt").get(pk=live.pk).roll_back(by=TESTER, seen=ANYTHING, reason="x")


def another_slot(live: PromptVersion) -> None:
    """The primary key's own prompt goes live; until now `default` stood in."""
    live.prompt.agent.change(by=TESTER, primary_status_key="HELLO")
    make_version("PRD", name="hello", agent=live.prompt.agent, status_key="HELLO")


def rewrite(live: PromptVersion) -> None:
    """An admin lifts a guard and changes production by hand."""
    guards.lift(pairs=[guards.GUARDS])
    sql("UPDATE prompt_versions SET template_source = 'By hand' WHERE id = LIVE")(live)
    guards.install()


CHANGES = {
    "promotion": promote, "rollback": roll_back, "another slot": another_slot, "production by hand": rewrite,
    "primary key": lambda live: live.prompt.agent.change(by=TESTER, primary_status_key="HELLO"),
    "primary key by SQL": sql("UPDATE agents SET primary_status_key = 'X'"),
    "agent's name by SQL": sql("UPDATE agents SET name = 'Stan2'"),
    "status key by SQL": sql("UPDATE prompts SET status_key = 'X' WHERE id = PROMPT"),
    "agent by SQL": sql("UPDATE prompts SET agent_id = NULL WHERE id = PROMPT"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_what_is_served(name: str, both: Both, key: str, live: PromptVersion):
    warmed(both, key)
    before = both.ask(STAN, X_API_KEY=key)
    assert both.is_warm(STAN, X_API_KEY=key)
    assert both.is_warm(P, X_API_KEY=key)
    CHANGES[name](live)
    same_as_django(both, key)
    assert both.ask(STAN, X_API_KEY=key) != before


def revoke(user: User) -> None:
    ApiKey.objects.get().revoke(by=TESTER)


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def leave(user: User) -> None:
    user.groups.clear()


TAKEN = {
    "revoked": revoke, "switched off": deactivate, "left the group": leave,
    "scopes": lambda user: ApiKey.objects.update(scopes=["run"]),
    "another digest": lambda user: ApiKey.objects.update(digest="0" * 64),
    "expiry": lambda user: ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1)),
    "the key is deleted": lambda user: ApiKey.objects.all().delete(),
    "the user is deleted": lambda user: User.objects.all().delete(),
    "the group's permission": lambda user: Group.objects.get(name="Viewer").permissions.clear(),
    "the group is deleted": lambda user: Group.objects.get(name="Viewer").delete(),
    "the permission is deleted": lambda user: Permission.objects.filter(codename="view_prompt").delete(),
    "the permission is another": lambda user: Permission.objects.filter(codename="view_prompt").update(codename="x"),
    "by SQL": lambda user: sql("DELETE FROM auth_user_groups")(PromptVersion(pk=0, prompt_id=0)),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_a_right_that_is_taken_away(name: str, both: Both, key: str, live: PromptVersion, viewer: Any):
    warmed(both, key)
    assert both.is_warm(STAN, X_API_KEY=key)
    TAKEN[name](viewer.user)
    assert both.ask(STAN, X_API_KEY=key)[0][:3] in ("401", "403")
    same_as_django(both, key)
    if name.startswith("the permission"):  # it came with a migration and is not flushed
        from django.apps import apps
        from django.contrib.auth.management import create_permissions

        Permission.objects.filter(codename="x").delete()
        create_permissions(apps.get_app_config("versions"), verbosity=0)


def test_a_superuser_who_is_none_any_more(both: Both, live: PromptVersion, admin: Any):
    key = new_key(admin.user)
    warmed(both, key)
    assert both.is_warm(STAN, X_API_KEY=key)
    User.objects.update(is_superuser=False)
    assert both.ask(STAN, X_API_KEY=key)[0].startswith("403")


def test_a_permission_of_ones_own_that_is_taken_away(both: Both, live: PromptVersion, outsider: Any):
    outsider.user.user_permissions.add(Permission.objects.get(codename="view_prompt"))
    key = new_key(outsider.user)
    warmed(both, key)
    assert both.is_warm(STAN, X_API_KEY=key)
    outsider.user.user_permissions.clear()
    assert both.ask(STAN, X_API_KEY=key)[0].startswith("403")


def test_a_key_expires_on_time(both: Both, live: PromptVersion, viewer: Any, time_machine: Any):
    ends = timezone.now() + timedelta(seconds=30)
    key = new_key(viewer.user, expires_at=ends)
    warmed(both, key)
    time_machine.move_to(ends - timedelta(milliseconds=1), tick=False)
    assert both.is_warm(STAN, X_API_KEY=key)
    time_machine.move_to(ends, tick=False)
    assert both.ask(STAN, X_API_KEY=key)[0].startswith("401")


def test_the_last_use_of_a_key_is_noted_as_often_as_by_django(both: Both, key: str, live: Any, time_machine: Any):
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    warmed(both, key)
    for seconds in (1, 59, 61, 90, 122, 200):
        time_machine.move_to(start + timedelta(seconds=seconds), tick=False)
        both.ask(STAN, X_API_KEY=key)
        expected = {1: 0, 59: 0, 61: 61, 90: 61, 122: 122, 200: 200}[seconds]
        assert ApiKey.objects.get().last_used_at == start + timedelta(seconds=expected)


NOTHING = {
    "a draft": lambda live: make_version("DEV", prompt=live.prompt),
    "a draft in testing": lambda live: make_version("TST", prompt=live.prompt),
    "another prompt's draft": lambda live: make_prompt(name="q"),
    "a title": lambda live: live.prompt.change(by=TESTER, title="x"),
    "archived": lambda live: live.prompt.archive(by=TESTER),
    "a description": lambda live: live.prompt.agent.change(by=TESTER, description="x"),
    "a sign-in": lambda live: User.objects.update(last_login=timezone.now()),
    "another agent": lambda live: make_agent(name="Other"),
    "another user's group": lambda live: User.objects.create_user("x").groups.add(Group.objects.get(name="Viewer")),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTHING)
def test_what_changes_nothing_served_leaves_the_path_warm(name: str, both: Both, key: str, live: PromptVersion):
    warmed(both, key)
    NOTHING[name](live)
    assert both.is_warm(STAN, X_API_KEY=key)
    same_as_django(both, key)


def test_an_answer_that_was_found_before_a_change_is_not_kept_after_it(both: Both, key: str, live: PromptVersion):
    """Django resolves, then somebody promotes, and only then the answer is stored: under the number of before."""
    django, changed = both.edge.application, []

    def slow(asked: Any, start_response: Any) -> Any:
        answer = django(asked, start_response)
        if not changed:
            changed.append(promote(live))
        return answer

    both.edge.application = slow
    assert b"Old" in both.ask(STAN, X_API_KEY=key)[2]
    assert b"New" in both.ask(STAN, X_API_KEY=key)[2]


def test_what_is_not_committed_is_not_kept(both: Both, key: str, live: PromptVersion):
    """As in a test that runs in a transaction of its own: what Django sees there, nobody else does."""

    def application(asked: Any, start_response: Any) -> Any:
        asked[OFFER].tag, asked[OFFER].good_until = '"x"', FOREVER
        start_response("200 OK", [("ETag", '"x"')])
        return HttpResponse(b"uncommitted")

    both.edge.application = application
    with transaction.atomic():
        both.ask(STAN, X_API_KEY=key)
    assert not both.edge.answers.rows
    both.ask(STAN, X_API_KEY=key)
    assert both.edge.answers.rows


def test_without_its_watches_the_path_would_serve_the_old_text(both: Both, key: str, live: PromptVersion):
    """What the tests above are able to catch."""
    warmed(both, key)
    guards.lift(pairs=[guards.WATCHES])
    promote(live)
    assert b"Old" in both.ask(STAN, X_API_KEY=key)[2]
    assert guards.missing() == [watch.name for watch in guards.watches(connection.vendor)]
    assert set(guards.install()) == {watch.name for watch in guards.watches(connection.vendor)}
    assert b"New" in both.ask(STAN, X_API_KEY=key)[2]  # putting them back counts, too


def test_while_the_generation_cannot_be_read_django_answers(both: Both, key: str, live: Any, monkeypatch: Any):
    warmed(both, key)
    monkeypatch.setattr(generation, "SQL", "SELECT nothing FROM nowhere")
    both.edge.generation.close()
    assert not both.is_warm(STAN, X_API_KEY=key)
    same_as_django(both, key)
    monkeypatch.undo()
    both.ask(STAN, X_API_KEY=key)
    monkeypatch.setattr(generation, "LEASE", 0.1)
    assert both.is_warm(STAN, X_API_KEY=key)


def test_the_number_only_grows_and_outruns_a_restored_backup(both: Both, live: PromptVersion):
    total = lambda: sum(ServedGeneration.objects.values_list("number", flat=True))  # noqa: E731
    first = total()
    promote(live)
    second = total()
    assert second > first
    ServedGeneration.objects.update(number=5)
    promote(live)
    assert total() > second


def test_memory_is_bounded_by_what_was_asked_last(both: Both, key: str, live: PromptVersion):
    small = Both(limit=20_000)
    for number in range(40):
        small.ask(STAN, query=f"status_key={number}", X_API_KEY=key)
        small.ask(STAN, X_API_KEY=key)
    assert small.edge.answers.size <= 20_000
    assert len(small.edge.answers.rows) < 15
    assert small.is_warm(STAN, X_API_KEY=key)
    assert small.is_warm(STAN, query="status_key=39", X_API_KEY=key)
    assert not small.is_warm(STAN, query="status_key=0", X_API_KEY=key)
    none = Both(limit=0)
    for _ in range(3):
        assert not none.is_warm(STAN, X_API_KEY=key)
    for made in (small, none):
        made.edge.generation.close()
