"""A Dockerfile and a .dockerignore, read as Docker reads them: as much as ours use, and an error for the rest."""

import fnmatch
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Stage:
    """The instructions from one FROM to the next."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        return [rest for instruction, rest in self.steps if instruction == word]


def read(text: str) -> tuple[list[str], list[Stage]]:
    """Return the ARGs before the first FROM, and the stages."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    first, stages = [], []
    for line in filter(str.strip, joined.splitlines()):
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base.strip(), name.strip()))
        elif stages:
            stages[-1].steps.append((word, rest.strip()))
        else:
            first.append(rest.strip())
    return first, stages


def variables(stage: Stage) -> dict[str, str]:
    """What ENV sets."""
    pairs = [pair for rest in stage.all("ENV") for pair in re.findall(r'(\w+)=("[^"]*"|\S+)', rest)]
    return {name: value.strip('"') for name, value in pairs}


def exec_form(stage: Stage, word: str) -> list[str]:
    """The words of the last CMD or ENTRYPOINT."""
    return json.loads(stage.all(word)[-1])


def health(stage: Stage) -> list[str]:
    """The words of HEALTHCHECK."""
    return json.loads(stage.all("HEALTHCHECK")[-1].partition(" CMD ")[2])


def ignored(path: str, patterns: list[str]) -> bool:
    """Whether .dockerignore keeps a path out: the last pattern that fits it or a folder above it decides."""
    parents = ["/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 2)]
    out = False
    for line in patterns:
        keep = line.startswith("!")
        if any(fits(parent, line.removeprefix("!").strip("/")) for parent in parents):
            out = not keep
    return out


def fits(path: str, pattern: str) -> bool:
    """Whether one path fits one pattern: * stays within a folder, a leading **/ is any folder."""
    if pattern.startswith("**/"):
        return any(fits("/".join(path.split("/")[depth:]), pattern[3:]) for depth in range(path.count("/") + 1))
    ours, theirs = path.split("/"), pattern.split("/")
    return len(ours) == len(theirs) and all(map(fnmatch.fnmatchcase, ours, theirs))


def patterns() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def context() -> list[str]:
    """The files of this checkout that Docker would be sent: those that are, or could be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [name for name in names if not ignored(name, patterns())]


def copy_context(to: Path) -> None:
    """Copy what Docker would be sent."""
    for name in context():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, to / name)
