"""Alerts: a line in the ledger and a notice, in the transaction of their cause; heard by whoever is to hear."""

import pytest
from django.db import transaction

from evaluations import alerts
from evaluations.models import Notice
from ledger.models import LedgerEvent
from tests.evaluations.living import live
from tests.factories import TESTER
from versions.verifying import problems

pytestmark = pytest.mark.django_db
heard: list[Notice] = []


def receiver(notice):
    heard.append(notice)


def broken(notice):
    raise ZeroDivisionError


@pytest.fixture
def version(settings):
    settings.ALERT_RECEIVERS = ["tests.evaluations.test_alerts.receiver"]
    heard.clear()
    return live()


def test_an_alert_is_an_event_a_notice_and_heard(version):
    notice = alerts.give(version, "signal", "It fails.")
    event = LedgerEvent.objects.latest("pk")
    assert (event.action, event.actor, event.actor_kind) == ("alerted", "system:automation", "system")
    assert (event.label, event.reason, event.detail) == ("v1.1", "It fails.", {"notice": notice.pk, "kind": "signal"})
    assert heard == [notice]
    assert list(problems()) == []


@pytest.mark.parametrize(
    ("proposal", "action"), [("", "alerted"), ("promote", "promotion_proposed"), ("rollback", "rollback_proposed")]
)
def test_a_proposal_is_an_event_of_its_own(version, proposal, action):
    alerts.give(version, "ready", "It is ready.", proposal=proposal)
    assert LedgerEvent.objects.latest("pk").action == action


def test_what_is_known_is_not_said_again_until_it_is_resolved(version):
    first = alerts.give(version, "signal", "It fails.")
    assert alerts.give(version, "signal", "It still fails.") == first
    assert alerts.give(version, "no_data", "Nobody uses it.") != first
    assert alerts.resolve(first, "dismissed", by=TESTER, reason="I know.")
    assert not alerts.resolve(first, "dismissed", by=TESTER)
    event = LedgerEvent.objects.latest("pk")
    assert (event.action, event.actor, event.reason) == ("notice_resolved", "system:tests", "I know.")
    assert event.detail == {"notice": first.pk, "kind": "signal", "resolution": "dismissed"}
    assert alerts.give(version, "signal", "Again.") != first
    assert [one.text for one in heard] == ["It fails.", "Nobody uses it.", "Again."]
    assert list(problems()) == []


def test_it_stands_or_falls_with_its_cause(version, settings):
    settings.ALERT_RECEIVERS = ["tests.evaluations.test_alerts.broken"]
    events = LedgerEvent.objects.count()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        alerts.give(version, "signal", "It fails.")
    assert (Notice.objects.count(), LedgerEvent.objects.count()) == (0, events)
