"""The kill switch: whether the program may promote, roll back and evaluate by itself (RELIABILITY 4.6).

Two places, both must say yes: settings.AUTOMATION, which takes a restart, and a row in the database, which works at
once in every process. It is read at every decision. While it is off, alerts and proposals go on; a person acts.
"""

from django.conf import settings
from django.db import transaction

from common.errors import Conflict
from evaluations.models import AutomationSwitch
from ledger import chain
from ledger.actors import Actor

PERMISSION = "evaluations.change_automationswitch"
ROW = 1


def on() -> bool:
    """Whether the program may act by itself now."""
    return settings.AUTOMATION and not AutomationSwitch.objects.filter(pk=ROW, on=False).exists()


def turn(to: bool, *, by: Actor, reason: str = "") -> bool:
    """Switch it on or off, with a line in the ledger; returns whether that changed anything.

    Raises Conflict for "on" where the setting holds it off: the row alone would promise too much.
    """
    if to and not settings.AUTOMATION:
        raise Conflict("Automation is off by its setting (PROMPTLEDGER_AUTOMATION=0): restart with 1 first.",
                       code="off_by_setting")  # fmt: skip
    with transaction.atomic():
        AutomationSwitch.objects.get_or_create(pk=ROW)
        row = AutomationSwitch.objects.select_for_update().get(pk=ROW)
        if row.on == to:
            return False
        row.on = to
        entry = chain.Entry(action="automation_on" if to else "automation_off", reason=reason)
        chain.append(row, by=by, entries=[entry], also=("on",))
    return True
