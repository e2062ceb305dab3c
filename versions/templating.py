"""Variables in prompt texts: finding them, and filling them in (SPEC 5)."""

import re
from functools import lru_cache

VARIABLE = re.compile(r"\{\{[ \t]*(\w+)[ \t]*\}\}")


@lru_cache(maxsize=2_048)
def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(VARIABLE.findall(text)))


def variables(text: str, *, kind: str, style: str) -> list[str]:
    """Return the names a text asks for, in the order of their first use."""
    return list(_names(text))
