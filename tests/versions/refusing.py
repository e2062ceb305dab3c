"""A refusal changes nothing: neither rows, nor ledger, nor kept texts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from agents.models import Agent
from common.errors import Refusal
from ledger.models import LedgerEvent
from versions.models import Prompt, PromptTag, PromptVersion, SavedText


def everything() -> list[list[dict[str, Any]]]:
    """All that there is of agents, prompts, versions, texts and the ledger."""
    tables = (Agent, Prompt, PromptTag, PromptVersion, LedgerEvent, SavedText)
    return [list(model.objects.order_by("pk").values()) for model in tables]


@contextmanager
def refused(code: str, status: int = 409) -> Iterator[Any]:
    """What is done inside raises the refusal with this code and status, and changes nothing."""
    before = everything()
    with pytest.raises(Refusal) as caught:
        yield caught
    assert (caught.value.code, caught.value.status) == (code, status)
    assert everything() == before
