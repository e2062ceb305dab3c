"""Executions in the admin, a file for each noun."""

from executions.admin.execution import ExecutionAdmin
from executions.admin.price import ModelPriceAdmin
from executions.admin.provider import ProviderSettingAdmin

__all__ = ["ExecutionAdmin", "ModelPriceAdmin", "ProviderSettingAdmin"]
