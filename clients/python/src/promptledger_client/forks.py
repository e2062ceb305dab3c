"""Forks (gunicorn, Celery): a child keeps the copies, and takes nothing else over that two processes cannot share."""

import os
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """What wants to know of forks."""

    def after_fork(self) -> None:
        """Called in the child."""


living: WeakSet[Forked] = WeakSet()


def tell(one: Forked) -> None:
    """Call its `after_fork` in every child, as long as it lives."""
    living.add(one)


def in_child() -> None:
    """A child's first act."""
    for one in list(living):
        one.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=in_child)
