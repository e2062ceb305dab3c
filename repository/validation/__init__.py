"""Checking prompt files: no database, no settings, writes nothing (S3-15, S3-25; RELIABILITY 4.7).

    python -m repository.validation PATH…      manage.py validate_prompt PATH…

Every defect is a code, a file, a line and a sentence that says what to do; `repository.files.codes` lists the codes.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import BadInput
from repository.files.codes import ERROR, Problem
from repository.files.tree import Tree, read_tree, root_of
from repository.validation import evidence, prompts, registries, secrets

RULES: tuple[Callable[[Tree], Iterable[Problem]], ...] = (
    prompts.metadata, prompts.variables, prompts.examples, registries.registry, evidence.results, secrets.secrets,
)  # fmt: skip


@dataclass
class Report:
    """What was found in the trees that were looked into."""

    trees: list[Tree] = field(default_factory=list)
    problems: list[tuple[Path, Problem]] = field(default_factory=list)  # with the root of their tree
    prompts: int = 0
    files: int = 0

    @property
    def failed(self) -> bool:
        """Whether anything is an error."""
        return any(problem.rule.level == ERROR for _, problem in self.problems)


def problems_in(tree: Tree) -> list[Problem]:
    """Return everything that is wrong with a tree, by file and line."""
    return sorted({*tree.problems, *(problem for rule in RULES for problem in rule(tree))})


def validate(paths: Iterable[Path], *, seen: Callable[[int], object] = lambda number: None) -> Report:
    """Check trees, or folders and files in them: of those only what is wrong below them is told.

    Raises BadInput for a path that is not there, or in no tree.
    """
    report = Report()
    wanted: dict[Path, list[str]] = {}
    for path in paths:
        root = root_of(path)
        if not path.exists():
            raise BadInput(f"There is no {path}.")
        if root is None:
            raise BadInput(f"{path} is in no tree of prompt files: no folder above it holds 00-templates and so on.")
        # Without "..", as the root is: else nothing would seem to be below such a path, and nothing wrong.
        below = Path(os.path.abspath(path)).relative_to(root).as_posix()  # noqa: PTH100  (resolve() would follow links)
        wanted.setdefault(root, []).append("" if below == "." else below)
    for root, parts in wanted.items():
        tree = read_tree(root, seen=seen)
        report.trees.append(tree)
        report.prompts += len(tree.names)
        report.files += len(tree.paths)
        report.problems += [(root, one) for one in problems_in(tree) if _is_below(one.path, parts)]
    return report


def _is_below(path: str, parts: list[str]) -> bool:
    return any(not part or path == part or path.startswith(f"{part}/") for part in parts)
