"""Telling workers that there is something to do (docs/adr/0016). The row is the queue; this only carries its id.

A message that is lost, doubled or late does no harm: a worker claims the row before it works on it, and workers look
for rows that nobody told them of.
"""

import logging
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.tasks import task

from common.clock import DatabaseNow
from executions import leases
from executions.messengers import Away
from executions.models import Execution

logger = logging.getLogger("promptledger.executions")
ALIAS = "executions"
AT_A_TIME = 500


@task(backend=ALIAS)
def carry_out(execution_id: str) -> None:
    """Run this execution, unless somebody else does or did."""
    from executions.working import work_on

    work_on(UUID(execution_id))


def announce(pk: UUID) -> None:
    """Tell a worker of a row, once it is committed. A messenger that is away is no error: the row is found later."""
    transaction.on_commit(lambda: send(pk))


def send(pk: UUID) -> bool:
    """Tell a worker now; False where nobody could be told."""
    try:
        carry_out.enqueue(str(pk))
    except Away as error:
        logger.warning("Execution %s is stored, but not announced: %s", pk, error)
        return False
    return True


def announce_due(*, also_lost: bool) -> int:
    """Tell workers of the rows that are due and that nobody was told of; returns how many those were.

    `also_lost`: tell again of rows that were announced a lease ago and that still nobody took. A message may only wait
    its turn, so this is for when few messages wait: what is announced twice runs once all the same.
    """
    untold = Q(announced_at=None)
    if also_lost:
        untold |= Q(announced_at__lt=leases.until(-settings.EXECUTION_LEASE_SECONDS))
    rows = Execution.objects.filter(leases.due() & untold).order_by("created_at")
    if not rows.exists():
        return 0
    with transaction.atomic():
        found = [row.pk for row in rows.select_for_update(skip_locked=True, no_key=True).only("pk")[:AT_A_TIME]]
        Execution.objects.filter(pk__in=found).update(announced_at=DatabaseNow())
    return sum(send(pk) for pk in found)
