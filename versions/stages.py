"""The stages of a version and the moves between them (S0-2 to S0-17). Imports nothing of ours."""

from django.db import models


class Stage(models.TextChoices):
    """Where a version stands. This, and nothing else, says what is current (S0-14)."""

    DEV = "DEV", "Draft in development"
    TST = "TST", "Testing"
    PRD = "PRD", "Current production"
    RET = "RET", "Retired"


# One step at a time, never back, nothing skipped.
MOVES: dict[str, str] = {Stage.DEV: Stage.TST, Stage.TST: Stage.PRD, Stage.PRD: Stage.RET}
# The steps a person may ask for; PRD to RET happens to a version when another takes its place.
PROMOTIONS: dict[str, str] = {Stage.DEV: Stage.TST, Stage.TST: Stage.PRD}

EDITABLE = frozenset({Stage.DEV, Stage.TST})
SEALED = frozenset({Stage.PRD, Stage.RET})
DELETABLE = frozenset({Stage.DEV})

# The environment a TEST runs against (SPEC 6); RET uses PRD's settings.
ENVIRONMENTS: dict[str, str] = {Stage.DEV: "dev", Stage.TST: "tst", Stage.PRD: "prd", Stage.RET: "ret"}
STATUSES: dict[str, str] = {
    Stage.DEV: "draft",
    Stage.TST: "draft",
    Stage.PRD: "active",
    Stage.RET: "deprecated",
}
