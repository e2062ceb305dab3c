"""The tables of evaluations, a file for each noun."""

from evaluations.models.approval import Approval
from evaluations.models.dataset import DatasetItem, DatasetVersion, Example
from evaluations.models.notice import Notice, NoticeKind, Proposal, Resolution
from evaluations.models.run import UNFINISHED, EvaluationRun, ExampleResult, RunStatus, Verdict
from evaluations.models.switch import AutomationSwitch
from evaluations.models.window import SignalWindow, WindowVerdict

__all__ = [
    "UNFINISHED",
    "Approval",
    "AutomationSwitch",
    "DatasetItem",
    "DatasetVersion",
    "EvaluationRun",
    "Example",
    "ExampleResult",
    "Notice",
    "NoticeKind",
    "Proposal",
    "Resolution",
    "RunStatus",
    "SignalWindow",
    "Verdict",
    "WindowVerdict",
]
