"""A property that is worked out once, without a lock.

`functools.cached_property` of Python 3.10 and 3.11 takes a lock that all instances share. A process that forks while
one of its threads holds it leaves it taken in the child, for ever: the child's first prompt would never come.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class kept(Generic[Value]):  # noqa: N801  (a decorator, as property is)
    """Two threads may both work it out; the one that ends first is kept, and both get that."""

    def __init__(self, make: Callable[[Any], Value]) -> None:
        self.make = make
        self.name = make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, one: Any, _: type[Any] | None = None) -> Value:
        made: Value = one.__dict__.setdefault(self.name, self.make(one))
        return made
