"""Who carries the id of a queued execution to a worker, as backends of django.tasks."""

from abc import abstractmethod
from typing import Any

from django.tasks.backends.base import BaseTaskBackend
from django.tasks.base import Task, TaskResult, TaskResultStatus
from django.tasks.exceptions import InvalidTask
from django.utils import timezone
from django.utils.crypto import get_random_string

PATH = "executions.queue.carry_out"


class Away(Exception):
    """The messenger could not be reached."""


class Messenger(BaseTaskBackend):
    """Carries the one task there is, and nothing else: another one would be lost without a trace."""

    def validate_task(self, task: Task) -> None:
        """Raise InvalidTask for anything but the task that carries out an execution."""
        super().validate_task(task)
        if task.module_path != PATH:
            raise InvalidTask(f"The backend '{self.alias}' carries executions only, not {task.module_path}.")

    def enqueue(self, task: Task, args: Any, kwargs: Any) -> TaskResult:
        """Send the id. Raises Away."""
        self.validate_task(task)
        self.send(*args)
        return TaskResult(
            task=task, id=get_random_string(32), status=TaskResultStatus.READY, enqueued_at=timezone.now(),
            started_at=None, last_attempted_at=None, finished_at=None, args=list(args), kwargs=kwargs,
            backend=self.alias, errors=[], worker_ids=[],
        )  # fmt: skip

    @abstractmethod
    def send(self, execution_id: str) -> None:
        """Carry the id to a worker."""


class NoMessenger(Messenger):
    """Workers look into the table themselves: nothing is sent, and no service is needed."""

    def send(self, execution_id: str) -> None:
        """Nothing to do: the row is there."""


class CeleryMessenger(Messenger):
    """Celery carries the id over Redis or RabbitMQ (PROMPTLEDGER_BROKER), for those who run it."""

    def send(self, execution_id: str) -> None:
        """Publish the id. Raises Away where the broker does not answer."""
        from kombu.exceptions import OperationalError

        from executions import by_celery

        try:
            by_celery.send(execution_id)
        except OperationalError as error:
            raise Away(f"the broker does not answer: {error}") from error
