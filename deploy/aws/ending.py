"""How the program ends."""

from enum import IntEnum


class Exit(IntEnum):
    """Its exit code."""

    WELL = 0  # what was asked for runs
    BACK = 1  # it does not run; what ran before does
    REFUSED = 2  # nothing was changed
    ASTRAY = 3  # neither is certain: somebody has to look


class Refused(Exception):
    """It cannot be begun; nothing was changed. The text says what to do."""
