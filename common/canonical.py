"""One way to write a JSON value, so that equal values have equal bytes and equal hashes."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models


def canonical_json(value: Any) -> str:
    """Return `value` as JSON with sorted keys, no spaces, ASCII only. NaN and infinities raise ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


# The same form, for rows as they are stored: a value that no row of ours holds is written as it looks, not refused.
stored_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, default=repr).encode


def sha256(text: str) -> str:
    """Return the SHA-256 of the exact UTF-8 bytes of `text`, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


class CanonicalJSONField(models.TextField):
    """JSON kept as its canonical text.

    Not jsonb: PostgreSQL would rewrite 1e22 and reorder keys, and a sealed hash over the value would no longer match.
    """

    description = "JSON in canonical form"
    empty_values = [{}]  # what `blank` lets through unchecked: [] or "" is not an empty object
    if TYPE_CHECKING:
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise ValidationError("Not valid JSON: %(error)s", params={"error": error}) from error

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else canonical_json(value)

    def formfield(self, **kwargs: Any) -> Any:
        """A box that shows and takes JSON."""
        return models.Field.formfield(self, **{"form_class": forms.JSONField, **kwargs})

    def value_to_string(self, obj: models.Model) -> str:
        return canonical_json(self.value_from_object(obj))
