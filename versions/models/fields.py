"""What the fields of a prompt may hold, beyond their type."""

from typing import Any

from django.core.exceptions import ValidationError

from common.canonical import canonical_json
from common.text import unstorable

RESERVED_NAMES = frozenset({"register-code"})
METADATA_LIMIT = 64 * 1024
TAG_LENGTH, TAGS = 50, 20


def refuse_reserved_name(name: str) -> None:
    """Raise ValidationError for a name that would hide a path of the API."""
    if name in RESERVED_NAMES:
        raise ValidationError(f"The name '{name}' is reserved.", code="reserved")


def check_metadata(value: Any) -> None:
    """Raise ValidationError unless `value` is a JSON object of sensible size."""
    if not isinstance(value, dict):
        raise ValidationError("metadata must be a JSON object.", code="not_an_object")
    if len(canonical_json(value)) > METADATA_LIMIT:
        raise ValidationError(f"metadata is over {METADATA_LIMIT:,} bytes.", code="too_long")


def check_tags(names: Any) -> list[str]:
    """Return the tags, or raise ValidationError under "tags"."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValidationError({"tags": "Tags are a list of words."})
    if len(names) > TAGS:
        raise ValidationError({"tags": f"At most {TAGS} tags."})
    for name in names:
        if not name.strip() or name != name.strip() or len(name) > TAG_LENGTH or "," in name or unstorable(name):
            raise ValidationError({"tags": f"A tag has 1 to {TAG_LENGTH} characters, no comma, no outer space."})
    return names
