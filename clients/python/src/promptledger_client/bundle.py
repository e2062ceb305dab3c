"""A snapshot of prompts in one JSON file, shipped with a program: `promptledger pull --bundle FILE` makes it.

{"format": "promptledger-bundle/1", "agents": {"StanAgent": {"primary_status_key": "NOT_REGISTERED"}},
 "prompts": [what the server serves of each], "sha256": hash over the canonical JSON of all the rest}
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from promptledger_client.errors import BadAnswer, PromptLedgerError
from promptledger_client.questions import Question
from promptledger_client.served import canonical, judged, sha256

FORMAT = "promptledger-bundle/1"
LAST_KEYS = ("default", "NOT_REGISTERED")  # where an agent's fallback ends, as on the server


class BadBundle(PromptLedgerError):
    """The file is not there, or is not what was pulled."""

    code = "bad_bundle"


def bundle_text(prompts: Iterable[Mapping[str, Any]], *, primary_status_keys: Mapping[str, str] | None = None) -> str:
    """Return a bundle's file as text: what is served of each prompt, and each agent's primary status key, where known.

    Raises BadAnswer for what is no served prompt.
    """
    record = {
        "format": FORMAT,
        "agents": {name: {"primary_status_key": key} for name, key in sorted((primary_status_keys or {}).items())},
        "prompts": sorted((judged(dict(one)) for one in prompts), key=lambda one: str(one["prompt"])),
    }
    return json.dumps({**record, "sha256": sha256(canonical(record))}, ensure_ascii=False, indent=1) + "\n"


class Bundle:
    """A bundle that was read and found whole."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.by_name: dict[str, dict[str, Any]] = {one["prompt"]: one for one in record["prompts"]}
        self.by_slot = {(one["agent"], one["status_key"]): one for one in record["prompts"] if one["agent"] is not None}
        self.primary = {name: agent["primary_status_key"] for name, agent in record["agents"].items()}

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Bundle":
        """Read a bundle. Raises BadBundle when any byte of it is not as it was written."""
        try:
            record = json.loads(Path(path).read_text(encoding="utf-8"))
            kept = record.pop("sha256")
            if record["format"] != FORMAT:
                raise BadBundle(f"{path} has the format {record['format']!r}, not {FORMAT!r}")
            if sha256(canonical(record)) != kept:
                raise BadBundle(f"{path} is damaged: its hash is not the one it was written with")
            for one in record["prompts"]:
                judged(one)
            return cls(record)
        except OSError as error:
            raise BadBundle(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError, BadAnswer) as error:
            raise BadBundle(f"{path} is no bundle: promptledger pull --bundle makes one") from error

    def answer(self, question: Question) -> dict[str, Any] | None:
        """What was served for a question when it was pulled; an agent's fallback chain is followed."""
        if question.name is not None:
            named = self.by_name.get(question.name)
            return named if named is not None and question.is_answered_by(named) else None
        primary = self.primary.get(question.agent or "", "default")
        asked = question.status_key or primary
        chain = [asked] if question.strict else [asked, primary, *LAST_KEYS]
        for key in chain:
            found = self.by_slot.get((question.agent, key))
            if found is not None:
                return {**found, "status_key": asked}
        return None
