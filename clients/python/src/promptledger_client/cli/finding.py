"""Finding the prompts of a source tree: every form, everything that is wrong, told at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from promptledger_client.cli import imported, prompt_files, python_source, tree
from promptledger_client.cli.found import Found, Problem, shown_path, wrong_content, wrong_fields


@dataclass
class Findings:
    """What was found: the prompts in the order of their files, what is wrong, how many files were looked at."""

    prompts: list[Found] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: int = 0


def find(
    targets: list[str],
    *,
    agent: str | None = None,
    exclude: list[str] | None = None,
    progress: Callable[[int], None] = lambda files: None,
) -> Findings:
    """Find the prompts in files, folders and modules. `agent` is that of the prompts that name none."""
    findings = Findings()
    seen: set[tuple[int, int]] = set()
    for target in targets:
        path = Path(target)
        if os.path.lexists(path):
            _path(path, exclude or [], findings, seen, progress)
        elif imported.is_module_path(target):
            found, problems = imported.prompts_in(target)
            findings.files += 1
            findings.prompts += [replace(one, root=one.path) for one in found]
            findings.problems += problems
        else:
            findings.problems.append(Problem(path, 0, "is no file, no folder and no module path"))
    findings.prompts = _checked([one.of(agent) for one in findings.prompts], findings.problems)
    findings.problems.sort()
    return findings


def _path(
    path: Path, exclude: list[str], findings: Findings, seen: set[tuple[int, int]], progress: Callable[[int], None]
) -> None:
    def trouble(where: Path, why: str) -> None:
        findings.problems.append(Problem(where, 0, why))

    if path.is_dir():
        for file in tree.files_in(path, exclude, trouble):
            _file(file, path, findings, seen)
            progress(findings.files)
    elif not path.is_file():
        trouble(path, "is no plain file")
    elif tree.is_source(path.name):
        _file(path, path, findings, seen)
    else:
        trouble(path, f"prompts are looked for in files called {tree.WANTED}")


def _file(path: Path, root: Path, findings: Findings, seen: set[tuple[int, int]]) -> None:
    """Read one file, once however many links lead to it."""
    try:
        with path.open("rb") as opened:
            state = os.fstat(opened.fileno())
            if (state.st_dev, state.st_ino) in seen:
                return
            seen.add((state.st_dev, state.st_ino))
            source = opened.read()
    except OSError as error:
        findings.problems.append(Problem(path, 0, f"cannot be read: {error.strerror}"))
        return
    findings.files += 1
    reader = python_source if path.name.endswith(tree.PYTHON) else prompt_files
    found, problems = reader.prompts_in(path, source)
    findings.prompts += [replace(one, root=root) for one in found]
    findings.problems += problems


def _checked(prompts: list[Found], problems: list[Problem]) -> list[Found]:
    """Add what is wrong with single prompts and between them; return each prompt once."""
    names: dict[str, Found] = {}
    slots: dict[tuple[str, str], Found] = {}
    primary: dict[str, Found] = {}
    for one in prompts:
        wrong = wrong_fields(one.said)
        if not wrong and one.said.get("name") is None and one.agent is None:
            wrong.append("has no name: give name, or agent and status_key")
        if not wrong and (why := wrong_content(one)):
            wrong.append(why)
        if wrong:
            problems.extend(one.problem(why) for why in wrong)
            continue
        first = names.setdefault(one.name, one)
        if first is not one and first.item() != one.item():
            problems.append(
                one.problem(f"'{one.name}' is already at {_where(first)}, with another text or other fields")
            )
        elif one.agent and (other := slots.setdefault((one.agent, one.status_key), one)).name != one.name:
            slot = f"agent '{one.agent}' with status_key '{one.status_key}'"
            problems.append(one.problem(f"{slot} already has a prompt, '{other.name}' at {_where(other)}"))
        elif one.said.get("is_primary_default") and (other := primary.setdefault(str(one.agent), one)).name != one.name:
            problems.append(one.problem(f"agent '{one.agent}' already has a primary default at {_where(other)}"))
    return list(names.values())


def _where(found: Found) -> str:
    return f"{shown_path(found.path)}:{found.line}"
