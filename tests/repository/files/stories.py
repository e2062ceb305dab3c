"""Random prompts with random histories, made by the legal moves only; and ways to import into an empty ledger."""

import random
import string
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from agents.models import Agent
from common.errors import BadInput, Conflict
from evaluations import datasets
from evaluations.items import Item
from evaluations.policy import merged
from repository import exporting
from repository.applying import apply
from repository.files.tree import read_tree
from repository.files.writing import Changes, write
from repository.items import read_items
from repository.plans import plan
from repository.registration import register
from tests.evaluations.gating import evidence
from tests.factories import TESTER
from versions.models import Prompt
from versions.seen import ANYTHING

# What YAML, git and editors are known to change: line ends, tabs, outer spaces, signs, breaks of other scripts, words.
ODD = [
    " ", "  ", "\n", "\n\n", "\r\n", "\r", "\t", "\x85", "\u2028", "\ufeff", "\x01", "\x7f", "é", "e\u0301", "漢字", "😀",
    ": ", " #", "- ", "'", '"', "\\", "{{ name }}", "{{name}}", "{", "}", "[", "]", "|", ">", "&a", "*a", "!", "%", "@",
    "`", "yes", "no", "null", "~", "1.0", "2026-01-31", "---", "...", "<<", "=", "\u200f", "\ud7ff", "\ufffd",
]  # fmt: skip


class Chance:
    """Random values of the kinds that prompts hold."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self, most: int = 12) -> str:
        parts = [self.random.choice([*ODD, *string.ascii_letters]) for _ in range(self.random.randint(0, most))]
        return "".join(parts)

    def said(self) -> str:
        """A text that is not blank."""
        return self.text(30) + self.random.choice("abc") + self.text(4)

    def name(self) -> str:
        kept = [
            one
            for one in (self.text(5) + self.random.choice(["part", "CON", "a.b", "x~1", "ß", ".."]))
            if one.isprintable()
        ]
        return "".join(kept).replace("/", "").strip(" .\u200f\ufeff\u0301") or "p"

    def value(self, depth: int = 3):
        kind = self.random.randrange(9 if depth else 6)
        if kind < 6:
            return [self.text(), self.random.randint(-(10**20), 10**20), self.random.uniform(-1e30, 1e-30), True, None,
                    float(self.random.randint(-5, 5))][kind]  # fmt: skip
        if kind == 6:
            return [self.value(depth - 1) for _ in range(self.random.randrange(3))]
        return {self.text(4): self.value(depth - 1) for _ in range(self.random.randrange(3))}

    def object(self) -> dict:
        return {self.text(4): self.value() for _ in range(self.random.randrange(4))}

    def chance(self, share: float) -> bool:
        return self.random.random() < share


def tell(chance: Chance, number: int) -> None:
    """Make one prompt and let things happen to it."""
    name = f"{chance.name()}{number}"
    agent = _agent(chance)
    moment = timezone.now() - timedelta(days=200, seconds=chance.random.random() * 1e6)
    if chance.chance(0.2):
        _track(chance, name, moment)
        return
    kind = "chat" if chance.chance(0.25) else "text"
    fields = {
        "title": chance.text(), "description": chance.text(30), "owner_team": chance.text(),
        "tags": sorted({chance.random.choice(["a b", "é", "yes", "1", "null"]) for _ in range(chance.random.randrange(3))}),
        "metadata": {**chance.object(), **({"inputs": chance.object()} if chance.chance(0.5) else {})},
    }  # fmt: skip
    slot = {"agent": agent, "status_key": f"{chance.text(3)}k{number}"} if agent else {}
    text = None if chance.chance(0.05) else _said(chance, kind)
    prompt = Prompt.create(by=TESTER, at=moment, name=name, type=kind, template_source=text, config=chance.object(),
                           commit_message=chance.text(), **fields, **slot)  # fmt: skip
    if chance.chance(0.4):
        policy = {"threshold": chance.random.choice([0, 0.5, 0.85, 1]), "repeat": chance.random.randint(1, 3)}
        prompt = prompt.change(by=TESTER, evaluation=merged(prompt, policy))
    if chance.chance(0.5):
        rows = [Item(f"ex-{n}", chance.object(), {"value": chance.value()} if chance.chance(0.8) else None, 1.5, ("t",))
                for n in range(chance.random.randint(1, 4))]  # fmt: skip
        datasets.replace(prompt, by=TESTER, examples=rows)
    for _ in range(chance.random.randrange(10)):
        moment += timedelta(seconds=chance.random.random() * 1e6)
        _something(chance, prompt, kind, moment)
    if chance.chance(0.1):
        prompt.archive(by=TESTER)


def _agent(chance: Chance) -> Agent | None:
    if chance.chance(0.5):
        return None
    name = chance.random.choice(["StanAgent", "Ägent yes", "agent"])
    return Agent.objects.filter(name=name).first() or Agent.create(
        by=TESTER, name=name, description=chance.text(), primary_status_key=chance.text(3) or "default"
    )


def _said(chance: Chance, kind: str):
    if kind == "text":
        return chance.said()
    from versions.content import chat_text

    messages = [{"role": "user", "content": chance.said()}]
    return chat_text([*messages, {"type": "placeholder", "name": "history"}] if chance.chance(0.5) else messages)


def _track(chance: Chance, name: str, moment) -> None:
    texts = [chance.said() for _ in range(chance.random.randint(1, 4))]
    for text in texts:
        moment += timedelta(hours=1)
        register(read_items([{"name": name, "template_source": text, "commit": "a" * 40, "title": "T",
                              "committed_at": moment.isoformat(),
                              "environment": chance.random.choice(["prd", "prd", "dev", "tst"])}]),
                 by=TESTER, at=moment)  # fmt: skip


def _something(chance: Chance, prompt: Prompt, kind: str, moment) -> None:
    """One move, where the lifecycle lets it."""
    versions = list(prompt.versions.select_related("prompt").order_by("version"))
    if not versions:
        return
    version = chance.random.choice(versions)
    do = chance.random.choice(
        ["new", "new", "major", "edit", "promote", "promote", "promote", "archive", "delete", "roll", "run"]
    )
    try:
        if do in ("new", "major"):
            version.create_new(by=TESTER, seen=ANYTHING, template_source=_said(chance, kind), at=moment,
                               bump="major" if do == "major" else "minor", commit_message=chance.text())  # fmt: skip
        elif do == "edit":
            version.edit(by=TESTER, seen=ANYTHING, template_source=_said(chance, kind), at=moment)
        elif do == "promote":
            to = {"DEV": "TST", "TST": "PRD"}.get(version.stage, "PRD")
            version.promote(by=TESTER, to=to, seen=ANYTHING, override=True, reason="so that it is told", at=moment)
        elif do == "archive":
            version.archive(by=TESTER, seen=ANYTHING, at=moment)
        elif do == "delete":
            version.delete_draft(by=TESTER, seen=ANYTHING)
        elif do == "roll":
            version.roll_back(by=TESTER, seen=ANYTHING, reason="so that it is told", at=moment)
        elif datasets.current(prompt):
            scores = [chance.random.random() for _ in range(3)]
            evidence(version, chance.random.random(), scores=scores, figures=chance.object())
    except (Conflict, BadInput):
        pass


class Undo(Exception):
    """Ends a block, and takes back what was done in it."""


@contextmanager
def taken_back():
    """What is done inside is undone at its end: the guards would let nobody empty the tables."""
    try:
        with transaction.atomic():
            yield
            raise Undo
    except Undo:
        pass


def export_to(root: Path) -> dict[str, bytes]:
    """Export into a new folder."""
    files = exporting.export()
    write(root, files, Changes(new=sorted(files)))
    return files


def import_from(root: Path, **options):
    """Plan and apply; returns the plan."""
    found = plan(read_tree(root), **options)
    apply(found)
    return found
