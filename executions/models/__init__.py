"""The tables of executions, a file for each noun."""

from executions.models.execution import ENVIRONMENTS, UNFINISHED, Execution, ExecutionQuerySet, Mode, Status, unfinished
from executions.models.limit import ProviderUse
from executions.models.price import ModelPrice
from executions.models.provider import ProviderEnvironment, ProviderSetting
from executions.models.rollup import Rollup, RollupState, Series

__all__ = [
    "ENVIRONMENTS",
    "UNFINISHED",
    "Execution",
    "ExecutionQuerySet",
    "Mode",
    "ModelPrice",
    "ProviderEnvironment",
    "ProviderSetting",
    "ProviderUse",
    "Rollup",
    "RollupState",
    "Series",
    "Status",
    "unfinished",
]
