"""The kill switch: one row that says whether the program may act by itself (RELIABILITY 4.6)."""

from django.db import models

from ledger.models import Chained


class AutomationSwitch(Chained):
    """On while there is no row, or it says so. Its chain in the ledger knows who turned it, when and why."""

    on = models.BooleanField(default=True)

    class Meta:
        db_table = "automation_switch"
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return "on" if self.on else "off"
