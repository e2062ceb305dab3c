"""`manage.py validate_prompt PATH…`: the checks of CI (S3-15). `python -m repository.validation` needs no settings."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from repository.validation import program


class Command(BaseCommand):
    help = "Check prompt files: exit code 0 fine, 1 something is wrong, 2 it could not be checked."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        program.arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        code = program.run(options["paths"], options["format"], strict=options["strict"], rules=options["rules"])
        if code:
            sys.exit(code)
