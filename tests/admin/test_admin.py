"""The admin sees everything and breaks nothing: no form and no action goes past the rules."""

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission
from django.db.models import DateField
from django.test import Client
from django.urls import reverse

from agents.models import Agent
from evaluations import alerts, approving, running, starting
from evaluations.models import Approval, Notice, NoticeKind
from ledger.models import LedgerEvent
from tests.conftest import make_person, make_user
from tests.evaluations.gating import gated
from tests.factories import TESTER, make_agent, make_prompt, make_version
from versions.models import Prompt, PromptVersion, SavedText
from versions.seen import ANYTHING
from versions.verifying import problems

pytestmark = pytest.mark.django_db
VERSIONS = "/admin/versions/promptversion/"


@pytest.fixture
def boss(admin) -> Client:
    client = Client()
    client.force_login(admin.user)
    return client


def everything() -> list[object]:
    return [
        list(model.objects.order_by("pk").values()) for model in (Agent, Prompt, PromptVersion, LedgerEvent, SavedText)
    ]


def act(client: Client, action: str, *versions: PromptVersion) -> str:
    data = {"action": action, "_selected_action": [str(version.pk) for version in versions]}
    return client.post(VERSIONS, data, follow=True).content.decode()


def test_every_page_of_the_admin_opens(boss):
    version = make_version("RET", agent=make_agent())
    event = LedgerEvent.objects.first()
    for path in (
        "/admin/", VERSIONS, f"{VERSIONS}{version.pk}/change/", "/admin/versions/prompt/", "/admin/versions/prompt/add/",
        f"/admin/versions/prompt/{version.prompt.pk}/change/", "/admin/agents/agent/", "/admin/agents/agent/add/",
        f"/admin/agents/agent/{version.prompt.agent_id}/change/", "/admin/ledger/ledgerevent/",
        f"/admin/ledger/ledgerevent/{event.pk}/change/", "/admin/executions/execution/", "/admin/accounts/apikey/",
        f"{VERSIONS}?stage__exact=RET", f"{VERSIONS}?q=hello", "/admin/versions/prompt/?q=x&mode__exact=full",
    ):  # fmt: skip
        assert boss.get(path).status_code == 200, path


@pytest.mark.parametrize("year", ["0", "-1", "99999"])
def test_a_year_that_there_is_not_is_no_error_of_the_server(boss, year):
    asked = {
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/?{field.name}__year={year}"
        for model in site._registry for field in model._meta.concrete_fields if isinstance(field, DateField)
    }  # fmt: skip
    assert len(asked) > 10
    for path in asked:
        assert boss.get(path).status_code in {200, 302, 403}, path


def test_evaluations_are_there_to_look_at_and_nothing_else(boss):
    version = gated()
    run = running.work(starting.start(version, by=TESTER).pk)
    approving.approve(version, by=make_person(make_user("manager")), seen=ANYTHING)
    alerts.give(version, NoticeKind.BELOW, "Below the threshold.")
    result, dataset = run.results.first(), run.dataset
    tables = {
        "evaluationrun": run, "exampleresult": result, "datasetversion": dataset, "example": result.example,
        "approval": Approval.objects.get(), "notice": Notice.objects.get(),
    }  # fmt: skip
    before = [list(type(row).objects.order_by("pk").values()) for row in tables.values()]
    for table, row in tables.items():
        path = f"/admin/evaluations/{table}/"
        for page in ("", "?q=gated", f"{row.pk}/change/"):
            assert boss.get(f"{path}{page}").status_code == 200, f"{path}{page}"
        assert boss.get(f"{path}add/").status_code == 403
        assert boss.post(f"{path}{row.pk}/change/", {"score": "1"}).status_code == 403
        assert boss.post(f"{path}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        deleting = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
        boss.post(path, deleting)
    assert boss.get(f"/admin/evaluations/exampleresult/?run__id__exact={run.pk}").status_code == 200
    assert [list(type(row).objects.order_by("pk").values()) for row in tables.values()] == before


def test_staff_see_evaluations_by_permission():
    run = running.work(starting.start(gated(), by=TESTER).pk)
    staff = make_user("staff", is_staff=True)
    client = Client()
    client.force_login(staff)
    paths = [f"/admin/evaluations/exampleresult/{run.results.first().pk}/change/", "/admin/evaluations/exampleresult/"]
    assert [client.get(path).status_code for path in paths] == [403, 403]
    staff.user_permissions.add(Permission.objects.get(codename="view_evaluationrun"))
    assert [client.get(path).status_code for path in paths] == [200, 200]
    assert client.get("/admin/evaluations/example/").status_code == 403


@pytest.mark.parametrize("role", ["viewer", "engineer", "manager", "outsider"])
def test_the_admin_is_for_staff(role, request):
    client = Client()
    client.force_login(request.getfixturevalue(role).user)
    assert client.get("/admin/", follow=True).status_code == 403


@pytest.mark.parametrize("stage", ["DEV", "TST", "PRD", "RET"])
def test_no_form_changes_a_version(boss, stage):
    version = make_version(stage)
    before = everything()
    sent = {field.name: "1" for field in PromptVersion._meta.fields} | {"stage": "PRD", "template_source": "evil"}
    for path in (f"{VERSIONS}{version.pk}/change/", f"{VERSIONS}add/", f"{VERSIONS}{version.pk}/delete/"):
        assert boss.post(path, sent | {"post": "yes"}).status_code == 403, path
    assert everything() == before


@pytest.mark.parametrize("path", ["ledger/ledgerevent", "executions/execution"])
def test_the_ledger_and_executions_are_to_look_at(boss, path):
    make_version("PRD")
    before = everything()
    assert boss.get(f"/admin/{path}/add/").status_code == 403
    for event in LedgerEvent.objects.all()[:1]:
        assert boss.post(f"/admin/ledger/ledgerevent/{event.pk}/change/", {"actor": "x"}).status_code == 403
        assert boss.post(f"/admin/ledger/ledgerevent/{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert everything() == before


def test_a_bulk_promotion_obeys_the_table_row_by_row(boss):
    dev, tst, live = make_version("DEV"), make_version("TST"), make_version("PRD")
    said = act(boss, "promote_tst", dev, tst, live)
    stages = [PromptVersion.objects.get(pk=version.pk).stage for version in (dev, tst, live)]
    assert stages == ["TST", "TST", "PRD"]
    assert said.count("done.") == 1
    assert "is in TST now; you saw it in DEV" in said


def test_bulk_promotion_to_production_takes_only_what_is_in_testing(boss):
    dev, tst = make_version("DEV"), make_version("TST")
    act(boss, "promote_prd", dev, tst)
    assert [PromptVersion.objects.get(pk=version.pk).stage for version in (dev, tst)] == ["DEV", "PRD"]
    assert LedgerEvent.objects.filter(action="promoted", to_stage="PRD").get().actor == "admin"


def test_bulk_deletion_takes_drafts_only(boss):
    dev, live = make_version("DEV"), make_version("PRD")
    said = act(boss, "delete_selected", dev, live)
    assert not PromptVersion.objects.filter(pk=dev.pk).exists()
    assert PromptVersion.objects.filter(pk=live.pk).exists()
    assert "Cannot delete versions that have progressed beyond DEV" in said


def test_djangos_own_deletion_is_not_there(boss):
    live = make_version("PRD", agent=make_agent())
    before = everything()
    for path, pk in (("versions/prompt", live.prompt.pk), ("agents/agent", live.prompt.agent_id)):
        data = {"action": "delete_selected", "_selected_action": [str(pk)], "post": "yes"}
        boss.post(f"/admin/{path}/", data)
        boss.post(f"/admin/{path}/{pk}/delete/", {"post": "yes"})
    assert everything() == before


def test_agents_and_prompts_made_here_are_in_the_ledger(boss):
    made = boss.post("/admin/agents/agent/add/", {"name": "Fresh", "description": "", "primary_status_key": "default"})
    assert made.status_code == 302
    agent = Agent.objects.get(name="Fresh")
    boss.post(f"/admin/agents/agent/{agent.pk}/change/", {"description": "Said.", "primary_status_key": "default"})
    sent = {"name": "", "agent": agent.pk, "status_key": "APPROVED", "title": "T", "description": "", "owner_team": "",
            "type": "text", "template_format": "simple", "metadata": '{"inputs": {}}'}  # fmt: skip
    prompt = make_prompt(name="described", template_source=None)
    assert boss.post("/admin/versions/prompt/add/", sent | {"name": "by admin"}).status_code == 302
    assert (
        boss.post(
            f"/admin/versions/prompt/{prompt.pk}/change/", sent | {"name": "described", "status_key": "k"}
        ).status_code
        == 302
    )
    prompt.refresh_from_db()
    assert (prompt.title, prompt.status_key, prompt.metadata) == ("T", "k", {"inputs": {}})
    actions = list(LedgerEvent.objects.filter(actor="admin").order_by("id").values_list("action", flat=True))
    assert actions == ["agent_created", "agent_changed", "prompt_created", "prompt_changed"]
    assert list(problems()) == []


def test_what_agents_rely_on_cannot_be_changed_here(boss):
    live = make_version("PRD", name="fixed")
    sent = {"name": "other", "type": "chat", "status_key": "z", "title": "New title", "description": "", "owner_team": "",
            "template_format": "jinja2", "metadata": "{}", "mode": "tracking"}  # fmt: skip
    boss.post(f"/admin/versions/prompt/{live.prompt.pk}/change/", sent)
    prompt = Prompt.objects.get(pk=live.prompt.pk)
    assert (prompt.name, prompt.type, prompt.mode, prompt.template_format) == ("fixed", "text", "full", "simple")
    assert (prompt.status_key, prompt.title) == ("default", "New title")


def test_staff_without_permissions_get_nothing_done(engineer):
    user = engineer.user
    user.groups.clear()
    user.is_staff = True
    user.save()
    from django.contrib.auth.models import Permission

    user.user_permissions.add(Permission.objects.get(codename="view_promptversion"))
    client = Client()
    client.force_login(user)
    version = make_version("DEV")
    before = everything()
    said = act(client, "promote_tst", version)
    assert "You are not allowed to do this" in said
    assert everything() == before


@pytest.mark.parametrize(
    "path", [VERSIONS, "/admin/versions/prompt/", "/admin/agents/agent/", "/admin/ledger/ledgerevent/"]
)
def test_lists_ask_no_more_with_more_rows(boss, path, django_assert_max_num_queries, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert boss.get(path).status_code == 200
        return len(asked)

    make_version("PRD", agent=make_agent())
    count()
    few = count()
    for _ in range(8):
        make_version("PRD", agent=make_agent()).create_new(by=TESTER, seen=ANYTHING)
    assert count() == few


def test_reverse_names_are_there():
    assert reverse("admin:versions_promptversion_changelist") == VERSIONS
