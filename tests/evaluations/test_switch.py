"""The kill switch: at once, for everybody, written down, and by a shell too."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from common.errors import Conflict
from evaluations import switch
from evaluations.models import AutomationSwitch
from ledger.models import LedgerEvent
from tests.factories import TESTER
from versions.verifying import problems

pytestmark = pytest.mark.django_db


def shell(*arguments: str) -> str:
    out = StringIO()
    call_command("automation", *arguments, stdout=out)
    return out.getvalue()


def test_it_is_on_until_somebody_turns_it_off():
    assert switch.on()
    assert switch.turn(False, by=TESTER, reason="The provider is down.")
    assert not switch.on()
    assert not switch.turn(False, by=TESTER)
    assert switch.turn(True, by=TESTER)
    assert switch.on()
    said = list(LedgerEvent.objects.order_by("pk").values_list("action", "reason", "chain"))
    assert said == [("automation_off", "The provider is down.", "automationswitch:1"),
                    ("automation_on", "", "automationswitch:1")]  # fmt: skip
    assert list(problems()) == []


def test_turning_on_what_is_on_writes_nothing():
    assert not switch.turn(True, by=TESTER)
    assert LedgerEvent.objects.count() == 0


def test_the_setting_is_above_it(settings):
    settings.AUTOMATION = False
    assert not switch.on()
    switch.turn(False, by=TESTER)
    with pytest.raises(Conflict) as caught:
        switch.turn(True, by=TESTER)
    assert caught.value.code == "off_by_setting"
    assert not AutomationSwitch.objects.get().on


def test_from_a_shell(manager, engineer):
    assert shell("status") == "Automation is on.\n"
    assert shell("off", "--user", "manager", "--reason", "Look first.") == "Automation is off.\n"
    assert not switch.on()
    event = LedgerEvent.objects.get()
    assert (event.action, event.actor, event.reason) == ("automation_off", "manager", "Look first.")
    with pytest.raises(CommandError, match="Ask an admin for the permission"):
        shell("on", "--user", "engineer")
    assert not switch.on()
    assert shell("on", "--user", "manager") == "Automation is on.\n"
    with pytest.raises(CommandError, match="There is no user 'nobody'"):
        shell("off", "--user", "nobody")
    with pytest.raises(CommandError, match="--user"):
        shell("off")
