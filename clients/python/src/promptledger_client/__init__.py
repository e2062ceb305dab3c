"""PromptLedger's client: fetches the prompt that is live, keeps it at hand, fills it in, also when the ledger is gone.

    from promptledger_client import PromptLedger

    client = PromptLedger("http://127.0.0.1:8000")
    client.prompt("StanAgent", status_key="APPROVED").render(name="Bo")

What needs the network is loaded at its first use, so that a module which only marks its prompts is quick to import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from promptledger_client.marks import prompt
from promptledger_client.version import VERSION as __version__  # noqa: N811

if TYPE_CHECKING:
    from promptledger_client.agents import CodePrompts
    from promptledger_client.aio import AsyncPromptLedger
    from promptledger_client.client import PromptLedger
    from promptledger_client.errors import (
        BadAnswer,
        BadTemplate,
        BadVariables,
        MissingVariables,
        NotFound,
        PromptLedgerError,
        Refused,
        Unavailable,
    )
    from promptledger_client.prompts import Prompt, WhenGone
    from promptledger_client.settings import Settings

LIVES_IN = {
    "AsyncPromptLedger": "aio",
    "CodePrompts": "agents",
    "Prompt": "prompts",
    "PromptLedger": "client",
    "Settings": "settings",
    "WhenGone": "prompts",
    **dict.fromkeys(
        [
            "BadAnswer",
            "BadTemplate",
            "BadVariables",
            "MissingVariables",
            "NotFound",
            "PromptLedgerError",
            "Refused",
            "Unavailable",
        ],
        "errors",
    ),
}

__all__ = [
    "AsyncPromptLedger",
    "BadAnswer",
    "BadTemplate",
    "BadVariables",
    "CodePrompts",
    "MissingVariables",
    "NotFound",
    "Prompt",
    "PromptLedger",
    "PromptLedgerError",
    "Refused",
    "Settings",
    "Unavailable",
    "WhenGone",
    "__version__",
    "prompt",
]


def __getattr__(name: str) -> Any:
    if name not in LIVES_IN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{LIVES_IN[name]}"), name)
    globals()[name] = found
    return found
