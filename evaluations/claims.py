"""Who works on an evaluation: a claim with a fence and a lease on the database's clock, as for executions."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce

from common.clock import DatabaseNow
from evaluations.models import EvaluationRun, ExampleResult, RunStatus


def lease() -> Any:
    """An instant on the database's clock until which a claim holds."""
    return DatabaseNow() + timedelta(seconds=settings.EXECUTION_LEASE_SECONDS)


def due() -> Q:
    """Runs that nobody works on: waiting, or their worker's lease has run out."""
    lost = Q(status=RunStatus.RUNNING) & (Q(leased_until=None) | Q(leased_until__lt=DatabaseNow()))
    return Q(status=RunStatus.QUEUED) | lost


def claim(pk: Any = None) -> EvaluationRun | None:
    """Take the oldest run that is due (or this one), and return it with its new fence; None when there is none."""
    rows = EvaluationRun.objects.filter(due(), **({"pk": pk} if pk else {}))
    if not rows.exists():  # on SQLite, without the write lock
        return None
    with transaction.atomic():
        row = rows.select_for_update(skip_locked=True, no_key=True).order_by("created_at").first()
        if row is None:
            return None
        row.fence += 1
        row.status = RunStatus.RUNNING
        EvaluationRun.objects.filter(pk=row.pk).update(
            status=row.status, fence=row.fence, leased_until=lease(),
            started_at=Coalesce("started_at", DatabaseNow()),
        )  # fmt: skip
    return EvaluationRun.objects.select_related("prompt", "dataset", "version").get(pk=row.pk)


def keep(run: EvaluationRun, results: Sequence[ExampleResult], spent: Decimal | None) -> bool:
    """Store results of a held run and renew its lease; False, and nothing stored, when it is not held any more."""
    with transaction.atomic():
        if not held(run).update(leased_until=lease(), cost_usd=spent):
            return False
        ExampleResult.objects.bulk_create(results)
    return True


def held(run: EvaluationRun) -> Any:
    """The row, if this claim is still the newest and nobody canceled the run."""
    return EvaluationRun.objects.filter(pk=run.pk, fence=run.fence, status=RunStatus.RUNNING)


def give_back(run: EvaluationRun) -> None:
    """Leave a held run to another worker: what it has stored is not run again."""
    held(run).update(status=RunStatus.QUEUED, leased_until=None)
