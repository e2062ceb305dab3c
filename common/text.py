"""What a name and a text may hold, for forms, API and models alike."""

import re
import unicodedata

from django.core.exceptions import ValidationError

NAME_LENGTH = 255
UNSEEN = {"Cc", "Cf", "Zl", "Zp"}  # categories of Unicode
SURROGATE = re.compile("[\ud800-\udfff]")


def unstorable(text: str) -> str:
    """Say why `text` cannot be stored on every database we support, or return ""."""
    if "\x00" in text:
        return "contains a NUL character"
    if SURROGATE.search(text):
        return "contains half a surrogate pair, which is not valid Unicode"
    return ""


def visible(text: str) -> str:
    """The text without what nobody can see: controls, zero-width characters, outer space."""
    return "".join(one for one in text if unicodedata.category(one) not in UNSEEN).strip()


def validate_storable(text: str) -> None:
    """Raise ValidationError when `text` cannot be stored."""
    if why := unstorable(text):
        raise ValidationError(f"This text {why}.", code="unstorable")


def validate_name(name: str) -> None:
    """Raise ValidationError unless `name` can stand in a path: no "/", no control characters, no outer spaces."""
    validate_storable(name)
    if "/" in name:
        raise ValidationError('A name cannot contain "/".', code="slash")
    if name != name.strip():
        raise ValidationError("A name cannot begin or end with a space.", code="space")
    if name in {".", ".."}:
        raise ValidationError('A name cannot be "." or "..".', code="dots")
    if any(unicodedata.category(character) in UNSEEN for character in name):
        raise ValidationError("A name cannot contain control characters.", code="control")
