"""The workflows as data: jobs, steps, what they run and what their expressions speak of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / ".github/workflows"
NAMES = sorted(path.name for path in FOLDER.glob("*.yml"))
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


@cache
def text(name: str) -> str:
    return (FOLDER / name).read_text()


@cache
def load(name: str) -> dict[str, Any]:
    """A workflow; its `on`, which YAML reads as true, under its own name."""
    found = yaml.safe_load(text(name))
    found["on"] = found.pop(True)
    return found


@dataclass(frozen=True)
class Job:
    workflow: str
    name: str
    body: Any

    @property
    def id(self) -> str:
        return f"{self.workflow}:{self.name}"

    @property
    def steps(self) -> list[dict[str, Any]]:
        return self.body.get("steps", [])

    @property
    def needs(self) -> list[str]:
        needs = self.body.get("needs", [])
        return [needs] if isinstance(needs, str) else needs

    @property
    def runs(self) -> list[str]:
        return [step["run"] for step in self.steps if "run" in step]

    @property
    def uses(self) -> list[str]:
        return [one["uses"] for one in (self.body, *self.steps) if "uses" in one]


JOBS = [Job(name, job, body) for name in NAMES for job, body in load(name)["jobs"].items()]


def strings(value: Any) -> Iterator[tuple[str, str]]:
    """Every text in a piece of YAML, with the key that it stands under."""
    if isinstance(value, dict):
        for key, one in value.items():
            for under, found in strings(one):
                yield (under if isinstance(one, dict) else str(key)), found
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, str):
        yield "", value


def expressions(job: Job) -> list[str]:
    """Every expression of a job, those of its `if` included, where the braces may be left out."""
    found = [inside for _, said in strings(job.body) for inside in EXPRESSION.findall(said)]
    conditions = [one["if"] for one in (job.body, *job.steps) if isinstance(one.get("if"), str)]
    return found + [EXPRESSION.sub(r"\1", condition) for condition in conditions]
