"""PromptLedger: the ledger for the prompts that AI agents run on."""

__version__ = "0.1.0"
