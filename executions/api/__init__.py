"""Executions over JSON."""

from executions.api.asking import Cancel, Execute, Run, Submit, Test
from executions.api.reading import ExecutionDetail, ExecutionList

__all__ = ["Cancel", "Execute", "ExecutionDetail", "ExecutionList", "Run", "Submit", "Test"]
