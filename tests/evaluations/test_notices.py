"""Notices on the pages: shown where they matter, dismissed and approved by who may, under the rules of the buttons."""

import pytest
from django.test import Client
from django.utils import timezone

from evaluations import alerts, switch
from evaluations.models import Notice
from ledger.models import LedgerEvent
from tests.evaluations.gating import evidence, gated
from tests.evaluations.living import fresh, labels, live, scored
from tests.factories import TESTER, make_version
from tests.versions.refusing import everything
from versions.seen import ANYTHING
from versions.verifying import problems

pytestmark = pytest.mark.django_db


def as_(person) -> Client:
    client = Client()
    client.force_login(person.user)
    return client


def press(person, what: str, notice: Notice, **form):
    return as_(person).post(f"/notices/{notice.pk}/{what}/", form)


def refused(person, what: str, notice: Notice, status: int) -> str:
    """It is not done, and nothing changed."""
    before = everything(), list(Notice.objects.values())
    answer = press(person, what, notice)
    assert answer.status_code == status
    assert (everything(), list(Notice.objects.values())) == before
    return answer.content.decode()


@pytest.fixture
def proposed():
    """A rollback that is proposed."""
    scored(live(auto_rollback="propose"), 0.5)
    return Notice.objects.get()


@pytest.fixture
def ready():
    """A promotion that is proposed."""
    scored(gated(auto_promote="propose"), 0.9)
    return Notice.objects.get()


@pytest.mark.parametrize("path", ["/", "/prompts/gated/", "/prompts/gated/versions/v1.0/", "/automation/"])
def test_an_open_notice_is_shown_where_it_matters(manager, proposed, path):
    text = as_(manager).get(path).content.decode()
    assert 'data-notice="below_threshold"' in text
    assert "v1.1, which is live, scores 0.5: below the threshold 0.85. Proposed: back to the text of v1.0." in text
    assert "data-approve" in text
    assert "data-dismiss" in text
    alerts.resolve(proposed, "dismissed", by=TESTER)
    assert "data-notice" not in as_(manager).get(path).content.decode()


def test_notices_of_others_are_not_on_the_page_of_a_prompt(engineer, proposed):
    make_version("PRD", name="other")
    assert "data-notice" not in as_(engineer).get("/prompts/other/").content.decode()


def test_a_viewer_sees_it_and_has_no_buttons(viewer, proposed):
    text = as_(viewer).get("/").content.decode()
    assert 'data-notice="below_threshold"' in text
    assert "Somebody who may roll back has to approve it." in text
    assert "data-approve" not in text
    assert "data-dismiss" not in text


def test_what_a_notice_says_is_text_and_no_markup(engineer):
    alerts.give(live(), "signal", "<script>alert(1)</script>")
    text = as_(engineer).get("/").content.decode()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_the_first_page_shows_the_newest_and_the_way_to_all(engineer):
    for number in range(7):
        version = live(f"p{number}", versions=1)
        Notice.objects.filter(pk=alerts.give(version, "signal", f"Text {number}.").pk).update(created_at=timezone.now())
    text = as_(engineer).get("/").content.decode()
    assert [f"Text {number}." in text for number in range(7)] == [False] * 2 + [True] * 5
    assert "All notices" in text
    assert as_(engineer).get("/automation/").content.decode().count("data-notice=") == 7


class TestDismissing:
    def test_it_is_gone_and_written_down(self, engineer, proposed):
        answer = press(engineer, "dismiss", proposed, next="/automation/", reason="I know.")
        assert (answer.status_code, answer["Location"]) == (302, "/automation/")
        proposed.refresh_from_db()
        assert (proposed.resolution, proposed.resolved_by) == ("dismissed", "engineer")
        event = LedgerEvent.objects.latest("pk")
        assert (event.action, event.actor, event.reason) == ("notice_resolved", "engineer", "I know.")
        assert list(problems()) == []

    def test_it_leads_nowhere_else(self, engineer, proposed):
        assert press(engineer, "dismiss", proposed, next="https://evil.example/")["Location"] == "/prompts/gated/"

    def test_it_takes_the_permission(self, viewer, proposed):
        refused(viewer, "dismiss", proposed, 403)

    def test_twice_is_told(self, engineer, manager, proposed):
        press(manager, "dismiss", proposed)
        assert "This notice was resolved by manager already." in refused(engineer, "dismiss", proposed, 409)

    def test_one_that_is_not_there(self, engineer, proposed):
        proposed.pk += 1
        refused(engineer, "dismiss", proposed, 404)

    def test_looking_does_nothing(self, engineer, proposed):
        assert as_(engineer).get(f"/notices/{proposed.pk}/dismiss/").status_code == 405


class TestApproving:
    def test_a_rollback(self, manager, proposed):
        answer = press(manager, "approve", proposed)
        assert (answer.status_code, answer["Location"]) == (302, "/prompts/gated/versions/v1.2/")
        assert labels(proposed.version) == {"v1.0": "RET", "v1.1": "RET", "v1.2": "PRD"}
        proposed.refresh_from_db()
        assert (proposed.resolution, proposed.resolved_by) == ("approved", "manager")
        event = LedgerEvent.objects.get(action="rolled_back")
        assert (event.actor, event.reason) == ("manager", proposed.text)
        assert list(problems()) == []

    def test_a_promotion(self, engineer, ready):
        press(engineer, "approve", ready)
        assert labels(ready.version) == {"v1.0": "PRD"}
        event = LedgerEvent.objects.get(action="promoted", to_stage="PRD")
        assert event.actor == "engineer"

    def test_it_takes_the_permission_of_the_button(self, engineer, viewer, proposed):
        refused(engineer, "approve", proposed, 403)
        refused(viewer, "approve", proposed, 403)

    def test_a_promotion_takes_it_too(self, viewer, ready):
        refused(viewer, "approve", ready, 403)

    def test_a_gate_that_closed_since_is_obeyed(self, engineer, ready):
        evidence(ready.version, 0.2)
        assert "below the threshold" in refused(engineer, "approve", ready, 409)
        assert fresh(ready.version).stage == "TST"

    def test_twice_is_told(self, manager, proposed):
        press(manager, "approve", proposed)
        assert "This notice was resolved by manager already." in refused(manager, "approve", proposed, 409)

    def test_what_was_live_then_is_live_no_more(self, manager, proposed):
        live_now = proposed.version
        draft = live_now.create_new(by=TESTER, seen=ANYTHING, template_source="Hey {{ name }}")
        draft = draft.promote(by=TESTER, to="TST", seen=ANYTHING)
        evidence(draft)
        draft.promote(by=TESTER, to="PRD", seen=ANYTHING)
        Notice.objects.filter(pk=proposed.pk).update(resolved_at=None)  # as if nobody had taken it back
        assert "Things have moved on since v1.1" in refused(manager, "approve", proposed, 409)

    def test_another_text_than_was_ready(self, engineer, ready):
        fresh(ready.version).edit(by=TESTER, seen=ANYTHING, template_source="Hey {{ name }}")
        Notice.objects.filter(pk=ready.pk).update(resolved_at=None)
        assert "Things have moved on since v1.0" in refused(engineer, "approve", ready, 409)

    def test_an_alert_proposes_nothing(self, manager):
        notice = alerts.give(live(), "signal", "It fails.")
        assert "This notice proposes nothing." in refused(manager, "approve", notice, 400)


class TestSwitch:
    def test_a_release_manager_switches(self, manager):
        page = as_(manager)
        assert "Automation is on" in page.get("/automation/").content.decode()
        assert page.post("/automation/turn/", {"to": "off", "reason": "Look first."}).status_code == 302
        assert not switch.on()
        assert "Automation is off" in page.get("/automation/").content.decode()
        event = LedgerEvent.objects.latest("pk")
        assert (event.action, event.actor, event.reason) == ("automation_off", "manager", "Look first.")
        page.post("/automation/turn/", {"to": "on"})
        assert switch.on()

    def test_nobody_else_does(self, engineer):
        page = as_(engineer)
        assert 'action="/automation/turn/"' not in page.get("/automation/").content.decode()
        assert page.post("/automation/turn/", {"to": "off"}).status_code == 403
        assert switch.on()
        assert LedgerEvent.objects.count() == 0

    def test_the_page_says_what_the_program_did(self, engineer):
        scored(live(auto_rollback="auto"), 0.5)
        text = as_(engineer).get("/automation/").content.decode()
        assert "system:automation" in text
        assert "rolled back" in text
