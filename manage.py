#!/usr/bin/env python
"""Django's command line for PromptLedger."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promptledger.settings")
    if sys.argv[1:2] in (["version"], ["--version"]):  # Django would say its own, and knows no command of that name
        from promptledger import __version__

        sys.stdout.write(f"{__version__}\n")
        return
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
