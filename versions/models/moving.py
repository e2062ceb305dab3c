"""The one place that writes stages and the dates of production: for one version, or for one of each of many prompts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from versions.stages import MOVES, Stage

if TYPE_CHECKING:
    from versions.models.version import PromptVersion

TICK = timedelta(microseconds=1)


def instant(moment: datetime, retiring: Sequence["PromptVersion"]) -> datetime:
    """`moment`, or the first instant after all that are to be retired were deployed: nothing ends before it began."""
    deployed = [version.deployed_at for version in retiring if version.deployed_at]
    return max([moment, *(one + TICK for one in deployed)])


def step(
    versions: Sequence["PromptVersion"], to: str, moment: datetime, *, retiring: Sequence["PromptVersion"] = ()
) -> None:
    """Write one step of versions of different, locked prompts, in at most two statements; `came_from` says from where.

    Into PRD: the present ones (`retiring`) are retired first, with the same instant (S0-55). The other order would
    break the rule of one PRD for a moment, and the database says no.
    """
    moment = instant(moment, retiring)
    if retiring:
        _write(retiring, stage=MOVES[Stage.PRD], retired_at=moment)
    for version in versions:
        version.came_from = version.stage
    if versions:
        _write(versions, stage=to, **({"deployed_at": moment} if to == Stage.PRD else {}))


def _write(versions: Sequence["PromptVersion"], **values: Any) -> None:
    type(versions[0]).objects.filter(pk__in=[version.pk for version in versions]).update(**values)
    for version in versions:
        for name, value in values.items():
            setattr(version, name, value)
