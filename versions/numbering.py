"""Which number and label come next. Neither is ever given twice, not even after a draft was deleted (SPEC 1)."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from versions.models import Prompt

HIGH_WATER = ("highest_version", "highest_major", "highest_minor")
REFERENCE = re.compile(
    r"v?(?P<major>[1-9][0-9]{0,8})\.(?P<minor>0|[1-9][0-9]{0,8})|(?P<version>[1-9][0-9]{0,8})", re.ASCII
)


@dataclass(frozen=True)
class Number:
    """An integer that scripts use, and a label that people read."""

    version: int
    major: int
    minor: int


def take_next(prompt: "Prompt", *, bump: str = "minor") -> Number:
    """Return the next number of a locked prompt and move its high-water marks, which the caller saves.

    `bump` is "minor" or "major". Tracking prompts always take the next major: label = version (SPEC 1).
    """
    first = prompt.highest_version == 0
    if first or bump == "major" or prompt.mode == "tracking":
        prompt.highest_major, prompt.highest_minor = prompt.highest_major + 1, 0
    else:
        prompt.highest_minor += 1
    prompt.highest_version += 1
    return Number(prompt.highest_version, prompt.highest_major, prompt.highest_minor)


def parse_reference(text: str) -> dict[str, int] | None:
    """Read "2.3", "v2.3" or "7" as a lookup of a version within its prompt, or None if it is none of them."""
    found = REFERENCE.fullmatch(str(text))
    return found and {name: int(digits) for name, digits in found.groupdict().items() if digits is not None}
