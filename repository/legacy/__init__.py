"""Prompts that lived in a column `agents.system_prompt` move into the ledger (S4-33; SPEC 4)."""
