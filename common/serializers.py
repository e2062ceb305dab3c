"""Serializers that say what they do not understand."""

from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer):
    """Refuses keys it does not know; `echoed` names read-only keys of the answer, which a client may send back."""

    echoed: frozenset[str] = frozenset()

    def to_internal_value(self, data: Any) -> Any:
        """Raise ValidationError that names every unknown key."""
        if isinstance(data, dict) and (unknown := set(data) - set(self.fields) - self.echoed):
            known = ", ".join(sorted(self.fields))
            raise serializers.ValidationError(
                {str(name): [f"Unknown field. Known here: {known}."] for name in sorted(unknown)}
            )
        return super().to_internal_value(data)


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


def read(serializer: type[serializers.Serializer], request: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the valid data of a request's body, or raise ValidationError (400)."""
    found = serializer(data=request.data, **kwargs)
    found.is_valid(raise_exception=True)
    return dict(found.validated_data)
