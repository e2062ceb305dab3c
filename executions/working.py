"""What a worker does with one execution."""

from uuid import UUID

from executions import leases, running
from executions.models import Execution


def work_on(pk: UUID) -> Execution | None:
    """Claim this execution and carry it out; None where there is nothing to do for it."""
    row = leases.claim(worker=leases.name_of_process(), pk=pk)
    return running.carry_out(row) if row else None
