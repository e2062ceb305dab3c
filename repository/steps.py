"""The steps of an import: what they are, before anybody decides which, and before any is done."""

from dataclasses import dataclass, field
from typing import Any

from common.errors import BadInput
from evaluations.items import Item
from repository.files.codes import Problem
from repository.files.fields import SHOWN
from repository.files.versions import VersionFile
from repository.restoring import History
from versions.models import PromptVersion

CREATE, RESTORE, DESCRIBE, EXAMPLES = "create", "restore", "describe", "examples"
DRAFT, EDIT, TEST, RELEASE = "draft", "edit", "to TST", "to PRD"


class BadTree(BadInput):
    """400: the files cannot be used; nothing was done. The message names each place."""

    def __init__(self, wrong: list[Problem]) -> None:
        lines = [str(one) for one in sorted(wrong)]
        more = [f"… and {len(lines) - SHOWN:,} more."] if len(lines) > SHOWN else []
        count = "1 thing is" if len(lines) == 1 else f"{len(lines):,} things are"
        super().__init__("\n".join([f"{count} wrong. Nothing was done.", *lines[:SHOWN], *more]), code="bad_files")
        self.wrong = wrong


@dataclass
class Step:
    """One thing to do. `version` is the row it is done to; a DRAFT before it stands for one that is not there yet."""

    do: str
    name: str
    path: str
    said: str
    file: VersionFile | None = None
    version: PromptVersion | None = None
    after: "Step | None" = None
    fields: dict[str, Any] = field(default_factory=dict)
    history: History | None = None
    items: list[Item] = field(default_factory=list)
    made: Any = None  # what came of it, once it is applied

    def __str__(self) -> str:
        return f"{self.do:9}{self.name}: {self.said}"


@dataclass
class Plan:
    """Everything an import would do, in order; `notes` say what it leaves alone, and why."""

    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wrong: list[Problem] = field(default_factory=list)
    agents: dict[str, dict[str, Any]] = field(default_factory=dict)  # to be made: name and fields
