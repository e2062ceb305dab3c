"""The API of evaluations (SPEC 9)."""
