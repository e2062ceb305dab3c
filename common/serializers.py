"""Serializers that say what they do not understand."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rest_framework import serializers

# What a caller says to have seen: when it is no longer so, the answer is "stale", not "read-only".
SEEN = ("stage", "revision")


class StrictSerializer(serializers.Serializer):
    """Refuses keys it does not know, and read-only ones unless they are sent back as they were.

    `echoed` names the read-only keys of the answer; the context's `shown` gives that answer.
    """

    echoed: frozenset[str] = frozenset()

    def to_internal_value(self, data: Any) -> Any:
        """Raise ValidationError that names every key that cannot be written."""
        if isinstance(data, dict):
            shown = self.context.get("shown")
            others = set(data) - set(self.fields)
            known = ", ".join(sorted(self.fields))
            wrong = {str(name): [f"Unknown field. Known here: {known}."]
                     for name in others if shown is None or name not in self.echoed}  # fmt: skip
            if not wrong and others:
                wrong = _changed(data, others, shown())
            if wrong:
                raise serializers.ValidationError(dict(sorted(wrong.items())))
        return super().to_internal_value(data)


def _changed(data: dict[str, Any], names: set[str], shown: dict[str, Any]) -> dict[str, list[str]]:
    """The read-only keys that were sent with another value than the one that was shown."""
    if any(name in data and data[name] != shown.get(name) for name in SEEN):
        return {}
    return {name: ["This field is read-only."] for name in names if data[name] != shown.get(name)}


class Text(serializers.CharField):
    """Text as it was sent: nothing is trimmed, and a number is not taken for text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, "allow_blank": True, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        """Return the text; raise ValidationError for anything else."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class JSONObject(serializers.JSONField):
    """A JSON object."""

    default_error_messages = {"not_an_object": "This must be a JSON object."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the object; raise ValidationError for anything else."""
        if not isinstance(data, dict):
            self.fail("not_an_object")
        return data


class Whole(serializers.IntegerField):
    """A whole number from 1 up; a boolean or a text is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": 2**31 - 1, **kwargs})

    def to_internal_value(self, data: Any) -> int:
        """Return the number; raise ValidationError for anything else."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


def read(
    serializer: type[serializers.Serializer], request: Any, *, shown: Callable[[], dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return the valid data of a request's body, or raise ValidationError (400).

    `shown` gives what a GET of the thing answers, so that a client may send its read-only keys back unchanged.
    """
    with reused(serializer, shown=shown) as found:
        return dict(found.run_validation(request.data))


class _Here(threading.local):
    def __init__(self) -> None:
        self.idle: dict[type[serializers.Serializer], serializers.Serializer] = {}


HERE = _Here()


@contextmanager
def reused[S: serializers.Serializer](of: type[S], **context: Any) -> Iterator[S]:
    """A serializer without an object or data of its own, with this context: for to_representation and run_validation.

    Each thread makes one of a class and keeps it: to make the fields takes several times as long as to use them.
    """
    found: Any = HERE.idle.pop(of, None) or of(context={})
    found.context.update(context)
    try:
        yield found
    finally:
        found.context.clear()
        HERE.idle[of] = found
