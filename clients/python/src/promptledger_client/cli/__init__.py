"""The command line `promptledger`: prompts between source trees, files and a PromptLedger. Manual: CLI.md.

Exit codes: 0 well; 1 drift, or refused; 2 usage or bad input; 3 no server; 130 Ctrl-C; 141 the reader went away.
"""

from __future__ import annotations

from promptledger_client.cli.program import main

__all__ = ["main"]
