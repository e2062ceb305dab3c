"""The pages of executions: the log and its filters, one run whole, again, cancel, two versions beside each other."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from accounts.permissions import TO_LOOK
from executions import leases, running
from executions.models import Execution, Mode, Status
from executions.providers import ProviderError
from tests.conftest import make_user
from tests.executions.conftest import scripted  # noqa: F401  (a fixture)
from tests.factories import TESTER, make_agent, make_prompt, make_version
from versions.content import chat_text
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
NOBODY = "00000000-0000-4000-8000-000000000000"
OFFLINE = "no model was asked and nothing was paid"


def as_user(role: str) -> Client:
    client = Client()
    client.force_login(make_user(role))
    return client


@pytest.fixture
def engineer_at() -> Client:
    """Somebody who may run what she likes."""
    return as_user("engineer")


def run(version: Any = None, **fields: Any) -> Execution:
    version = version or make_version("PRD", template_source="Hello {{ name }}!")
    variables = dict.fromkeys(version.variables, "Bo")
    return running.run(version, by=TESTER, **({"variables": variables} | fields))


def work_off() -> None:
    """What a worker does."""
    while row := leases.claim(worker="worker-1"):
        running.carry_out(row)


def html(answer: Any) -> str:
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


def words(text: str) -> str:
    return " ".join(strip_tags(text.replace("<", " <")).split())


def listed(client: Client, query: str = "") -> list[str]:
    return re.findall(r'id="run-([0-9a-f-]{36})"', html(client.get(f"/executions/{query}")))


def test_the_log_can_be_narrowed_by_everything_it_shows(engineer_at):
    stan, other = make_agent(name="Stan"), make_agent(name="Other")
    one = make_version("PRD", agent=stan, status_key="default", template_source="One")
    two = make_version("PRD", agent=other, status_key="default", template_source="Two")
    old = run(one, environment="prd", correlation_id="trace-1")
    Execution.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=3))
    waiting, test = run(two, mode="async"), run(two, is_test=True)
    yesterday = f"{timezone.now() - timedelta(days=1):%Y-%m-%dT%H:%M}"
    newest = [str(test.pk), str(waiting.pk)]
    assert listed(engineer_at) == [*newest, str(old.pk)]
    for query, expected in {
        f"?prompt={one.prompt.name}": [old], f"?prompt={two.prompt.name}&label={two.label}": [test, waiting],
        "?label=v9.9": [], "?agent=Stan": [old], "?status=queued": [waiting], "?status=succeeded": [test, old],
        "?environment=prd": [old], "?mode=async": [waiting], "?is_test=1": [test], "?is_test=0": [waiting, old],
        f"?from={yesterday}": [test, waiting], f"?to={yesterday}": [old], "?correlation_id=trace-1": [old],
        "?agent=Stan&status=queued": [],
    }.items():  # fmt: skip
        assert listed(engineer_at, query) == [str(row.pk) for row in expected], query
    assert "Nothing matches" in html(engineer_at.get("/executions/?label=v9.9"))
    said = html(engineer_at.get("/executions/?status=queued&mode=async&is_test=0"))
    assert said.count(" selected") == 3  # the filters show what is asked for


def test_an_empty_log_says_how_to_fill_it(engineer_at):
    assert "No runs yet" in html(engineer_at.get("/executions/"))


@pytest.mark.parametrize("query", ["status=odd", "environment=moon", "mode=later", "is_test=maybe", "from=yesterday"])
def test_a_filter_that_is_none_is_named(engineer_at, query):
    answer = engineer_at.get(f"/executions/?{query}")
    assert answer.status_code == 400
    assert f"&#x27;{query.partition('=')[0]}&#x27;" in answer.content.decode()


def test_the_log_renews_itself_while_something_runs_and_then_no_more(engineer_at):
    run(mode="async")
    whole = html(engineer_at.get("/executions/?status="))
    assert 'hx-get="/executions/?status=" hx-trigger="every 2s"' in whole
    part = html(engineer_at.get("/executions/", headers=HTMX))
    assert part.lstrip().startswith('<section class="card" id="results"')
    assert "every 2s" in part
    work_off()
    part = html(engineer_at.get("/executions/", headers=HTMX))
    assert "every 2s" not in part
    assert "Succeeded" in part


def test_a_run_shows_what_was_asked_and_what_came_of_it(engineer_at, scripted):  # noqa: F811
    scripted.script = ["Good day <b>"]
    row = run(provider="scripted", environment="tst", correlation_id="trace/1", idempotency_key="key-1", request={})
    text = html(engineer_at.get(f"/executions/{row.pk}/"))
    said = words(text)
    assert "Good day &lt;b&gt;" in text
    for shown in ("Hello Bo!", "name Bo", "Environment tst", "Provider scripted", "Model gpt-4o-mini", "3 in, 4 out",
                  "Cost unknown", "Attempts 1", "Correlation id trace/1", "Idempotency key key-1", f"by {TESTER.name}",
                  "How At once", f"Text hash {row.template_hash}", "An answer"):  # fmt: skip
        assert shown in said, shown
    assert "?correlation_id=trace/1" in text
    assert OFFLINE not in said
    assert "every 2s" not in text


def test_offline_is_said(engineer_at):
    row = run()
    said = words(html(engineer_at.get(f"/executions/{row.pk}/")))
    assert OFFLINE in said
    assert "Cost $0" in said


def test_an_error_is_told_in_plain_words_with_its_attempts(engineer_at, scripted):  # noqa: F811
    error = ProviderError("mine answered 503: overloaded", code="provider_server_error")
    scripted.script = [error, error, error]
    with pytest.raises(ProviderError) as failed:
        run(provider="scripted")
    text = html(engineer_at.get(f"/executions/{failed.value.data['execution_id']}/"))
    said = words(text)
    assert "The provider had a fault of its own. mine answered 503: overloaded provider_server_error" in said
    assert said.count("Tried again after 0.0 s") == 2
    assert "There is no answer." in said
    assert "Attempts 3" in said


def test_chat_is_shown_as_messages(engineer_at):
    prompt = make_prompt(type="chat", template_source=chat_text([{"role": "user", "content": "Say {{ q }}"}]))
    row = run(prompt.versions.get())
    assert 'class="msg msg-user"' in html(engineer_at.get(f"/executions/{row.pk}/"))


def test_a_run_that_waits_says_so_and_renews_itself(engineer_at):
    row = run(mode="async")
    text = html(engineer_at.get(f"/executions/{row.pk}/"))
    assert "Waiting for a worker" in text
    assert f'hx-get="/executions/{row.pk}/" hx-trigger="every 2s"' in text
    work_off()
    part = html(engineer_at.get(f"/executions/{row.pk}/", headers=HTMX))
    assert part.lstrip().startswith('<div id="run">')
    assert "worker-1" in part


@pytest.mark.parametrize("path", [f"/executions/{NOBODY}/", "/executions/nonsense/"])
def test_a_run_that_is_not_there_is_not_found(engineer_at, path):
    assert engineer_at.get(path).status_code == 404


def test_again_runs_the_same_in_the_background(engineer_at):
    row = run(environment="tst", params={"temperature": 0.5}, model_name="other")
    answer = engineer_at.post(f"/executions/{row.pk}/again/")
    second = Execution.objects.exclude(pk=row.pk).get()
    assert (answer.status_code, answer.url) == (302, f"/executions/{second.pk}/")
    kept = ("prompt", "version", "variables", "environment", "params", "model_name", "provider", "is_test")
    assert [getattr(second, name) for name in kept] == [getattr(row, name) for name in kept]
    assert (second.mode, second.status, second.created_by) == (Mode.ASYNC, Status.QUEUED, "engineer")


def test_again_is_off_once_the_version_is_gone(engineer_at):
    version = make_prompt(template_source="Hello").versions.get()
    row = run(version, is_test=True)
    version.delete_draft(by=TESTER, seen=ANYTHING)
    said = words(html(engineer_at.get(f"/executions/{row.pk}/")))
    assert "The version was deleted." in said
    assert engineer_at.post(f"/executions/{row.pk}/again/").status_code == 409
    assert Execution.objects.count() == 1


def test_cancel_ends_what_waits_and_leaves_what_has_ended(engineer_at):
    row = run(mode="async")
    assert "Canceled" in html(engineer_at.post(f"/executions/{row.pk}/cancel/", follow=True))
    row.refresh_from_db()
    assert row.status == Status.CANCELED
    said = html(engineer_at.post(f"/executions/{row.pk}/cancel/", follow=True))
    assert "notice warn" in said
    done = run()
    engineer_at.post(f"/executions/{done.pk}/cancel/")
    done.refresh_from_db()
    assert done.status == Status.SUCCEEDED


@pytest.mark.parametrize(("role", "may_look"), [("viewer", True), ("outsider", False)])
def test_who_may_not_run_finds_no_buttons_and_is_refused(role, may_look):
    row = run(mode="async")
    client = as_user(role)
    page = client.get(f"/executions/{row.pk}/")
    assert page.status_code == (200 if may_look else 403)
    assert not re.search(r'id="(again|cancel)"', page.content.decode())
    prompt = row.prompt.name
    for path in (f"/executions/{row.pk}/again/", f"/executions/{row.pk}/cancel/"):
        assert client.post(path).status_code == 403, path
    both = {"prompt": prompt, "a": row.label, "b": row.label, "var-name": "x"}
    assert client.post("/executions/compare/", both).status_code == 403
    assert client.get("/executions/").status_code == (200 if may_look else 403)
    assert client.get(f"/executions/of/{prompt}/{row.label}/").status_code == (200 if may_look else 403)
    row.refresh_from_db()
    assert (Execution.objects.count(), row.status) == (1, Status.QUEUED)


def two_versions() -> tuple[Any, Any]:
    live = make_version("PRD", template_source="Good morning {{ name }}!")
    return live, live.create_new(by=TESTER, seen=ANYTHING, template_source="Good evening {{ name }} at {{ place }}!")


def test_two_versions_answer_the_same_variables_beside_each_other(engineer_at):
    live, draft = two_versions()
    form = html(engineer_at.get(f"/executions/compare/?prompt={live.prompt.name}"))
    assert [name for name in ("name", "place") if f'name="var-{name}"' in form] == ["name", "place"]
    assert f'name="a" value="{live.label}"' in form
    assert f'name="b" value="{draft.label}"' in form
    sent = {"prompt": live.prompt.name, "a": live.label, "b": draft.label, "environment": "tst",
            "var-name": "Bo", "var-place": "sea"}  # fmt: skip
    answer = engineer_at.post("/executions/compare/", sent)
    left, right = Execution.objects.get(version=live), Execution.objects.get(version=draft)
    assert (answer.status_code, answer.url) == (302, f"/executions/compare/?left={left.pk}&right={right.pk}")
    for row in (left, right):
        kept = (row.variables, row.environment, row.mode, row.is_test, row.created_by)
        assert kept == ({"name": "Bo", "place": "sea"}, "tst", "async", True, "engineer")
    waiting = html(engineer_at.get(answer.url))
    assert 'hx-trigger="every 1s"' in waiting
    work_off()
    found = html(engineer_at.get(answer.url, headers=HTMX))
    assert found.lstrip().startswith('<div class="stack" id="runs">')
    assert "<del>morning</del>" in found
    assert "<ins>evening</ins>" in found
    assert "no model was asked" in words(found)


def test_the_same_answers_are_said_to_be_the_same(engineer_at):
    live, _ = two_versions()
    one, two = run(live), run(live)
    assert "Both answers are the same." in html(engineer_at.get(f"/executions/compare/?left={one.pk}&right={two.pk}"))


def test_one_that_failed_stands_beside_the_other(engineer_at, scripted):  # noqa: F811
    live, _ = two_versions()
    one = run(live)
    scripted.script = [ProviderError("No such model.", code="provider_refused")]
    with pytest.raises(ProviderError) as failed:
        run(live, provider="scripted")
    path = f"/executions/compare/?left={one.pk}&right={failed.value.data['execution_id']}"
    said = words(html(engineer_at.get(path)))
    assert "No such model." in said
    assert "Good morning Bo!" in said
    assert "There is no answer." in said


def test_variables_that_are_lacking_run_nothing_and_keep_what_was_typed(engineer_at):
    live, draft = two_versions()
    chat = {"prompt": live.prompt.name, "a": live.label, "b": draft.label, "environment": "moon", "var-name": "typed"}
    answer = engineer_at.post("/executions/compare/", chat)
    assert answer.status_code == 400
    assert "There is no environment" in words(answer.content.decode())
    assert "\ntyped</textarea>" in answer.content.decode()
    assert Execution.objects.count() == 0


def test_where_the_second_is_refused_the_first_is_not_run(engineer_at):
    """Both or none."""
    live = make_version("PRD", template_source="{{ name }}", template_format="jinja2")
    draft = live.create_new(by=TESTER, seen=ANYTHING, template_source="{{ name.first.letter }}")
    sent = {"prompt": live.prompt.name, "a": live.label, "b": draft.label, "var-name": "Bo"}
    answer = engineer_at.post("/executions/compare/", sent)
    assert answer.status_code == 400
    assert Execution.objects.count() == 0


def test_comparing_begins_with_the_variables_of_a_run(engineer_at):
    live, _ = two_versions()
    row = run(live, variables={"name": "Ada & Bo"}, environment="prd")
    form = html(engineer_at.get(f"/executions/compare/?run={row.pk}"))
    assert "\nAda &amp; Bo</textarea>" in form
    assert f"<option selected>{row.environment}</option>" in form
    assert f'name="b" value="{live.label}"' in form


@pytest.mark.parametrize("path", ["?prompt=nobody", f"?left={NOBODY}&right={NOBODY}", f"?run={NOBODY}", ""])
def test_comparing_what_is_not_there_is_not_found(engineer_at, path):
    assert engineer_at.get(f"/executions/compare/{path}").status_code == 404


def test_a_comparison_of_nothing_says_where_to_begin(engineer_at):
    said = engineer_at.get("/executions/compare/").content.decode()
    assert "Open a run, and choose Compare versions." in said


def test_a_version_leads_to_its_runs(engineer_at):
    version = make_version("PRD", template_source="Hello {{ name }}!")
    mine, other = run(version), run(make_version("PRD", template_source="Else"))
    page = html(engineer_at.get(f"/prompts/{version.prompt.name}/versions/{version.label}/"))
    assert f"/executions/of/{version.prompt.name}/{version.label}/" in page
    assert f"/executions/?prompt={version.prompt.name}&amp;label={version.label}" in page
    assert f"/executions/compare/?prompt={version.prompt.name}&amp;b={version.label}" in page
    part = html(engineer_at.get(f"/executions/of/{version.prompt.name}/{version.label}/"))
    assert str(mine.pk) in part
    assert str(other.pk) not in part
    for _ in range(6):
        run(version)
    assert html(engineer_at.get(f"/executions/of/{version.prompt.name}/{version.label}/")).count('id="run-') == 5


def test_who_may_see_prompts_but_no_executions_sees_none():
    user = make_user("outsider")
    app, _, codename = TO_LOOK.partition(".")
    user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(user)
    row = run()
    assert 'id="runs"' not in html(client.get(f"/prompts/{row.prompt.name}/versions/{row.label}/"))
    for path in ("", f"{row.pk}/", f"of/{row.prompt.name}/{row.label}/", f"compare/?run={row.pk}",
                 f"compare/?left={row.pk}&right={row.pk}"):  # fmt: skip
        assert client.get(f"/executions/{path}").status_code == 403, path
