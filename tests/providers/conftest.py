"""Fixtures of the providers' tests: the model server."""

from tests.live_llm import llm, llm_settings, model_server

__all__ = ["llm", "llm_settings", "model_server"]
