"""Prompts and their versions."""

from versions.models.generation import ServedGeneration
from versions.models.prompt import Prompt, PromptTag
from versions.models.saved import SavedText
from versions.models.version import PromptVersion

__all__ = ["Prompt", "PromptTag", "PromptVersion", "SavedText", "ServedGeneration"]
