"""Prompts and versions as JSON (SPEC 9)."""
