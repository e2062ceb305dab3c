"""`manage.py make_docs`: writes the table of actions into docs/lifecycle.md, so that the page cannot lag behind."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from versions.actions import MATRIX, MORE, Action
from versions.stages import Stage

PAGE = Path(settings.BASE_DIR) / "docs" / "lifecycle.md"
BEGIN, END = "<!-- begin: made by manage.py make_docs -->", "<!-- end -->"


class Command(BaseCommand):
    help = "Write the generated part of docs/lifecycle.md. With --check: only say whether it is as it should be."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Write nothing; fail when the page is out of date.")

    def handle(self, *, check: bool, **options: Any) -> None:
        before = PAGE.read_text()
        after = with_tables(before)
        if after == before:
            return
        if check:
            raise CommandError("docs/lifecycle.md is out of date. Run `make docs` and commit it.")
        PAGE.write_text(after)
        self.stdout.write("docs/lifecycle.md: written anew.")


def with_tables(page: str) -> str:
    """Return the page with what stands between the two marks made anew. Raises CommandError where they are missing."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise CommandError(f"docs/lifecycle.md lacks its marks: {BEGIN} … {END}")
    return f"{head}{BEGIN}\n\n{matrix()}\n{presses()}\n{END}{tail}"


def matrix() -> str:
    """The five buttons by stage."""
    rows = [
        [f"**{stage}**", *(cell(action, stage) for action in MATRIX)]
        for stage in Stage.values
    ]  # fmt: skip
    return table(["Stage", *(action.name.upper() for action in MATRIX)], rows)


def cell(action: Action, stage: str) -> str:
    """What a button looks like in a stage."""
    if stage in action.absent:
        return "absent"
    if stage not in action.on:
        return "off"
    return "on" if isinstance(action.label, str) else f"`{action.label_in(stage)}`"


def presses() -> str:
    """Every button with what it takes: how a program presses it, the permission, and why it is off."""
    return table(["Button", "Over the API", "Permission", "Where it is off, it says"], map(press, (*MATRIX, *MORE)))


def press(action: Action) -> list[str]:
    """One row of `presses`."""
    labels = [action.label] if isinstance(action.label, str) else list(action.label.values())
    permissions = [action.permission] if isinstance(action.permission, str) else list(action.permission.values())
    path = f"/v1/prompts/{{name}}/versions/{{v}}{action.path}"
    return [
        "<br>".join(f"`{label}`" for label in labels),
        f"`{action.method} {path}`",
        "<br>".join(f"`{permission}`" for permission in permissions),
        action.off_because if isinstance(action.off_because, str) else "<br>".join(action.off_because.values()),
    ]


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
