"""A process that decides: `python -m tests.evaluations.deciders VERSION THREADS`.

It says that it is ready, waits for a line, lets every thread find the same trouble at once, and prints as JSON how many
of them rolled back.
"""

import json
import os
import sys
import threading

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promptledger.settings")
django.setup()

from django.db import connection  # noqa: E402

from evaluations import automation  # noqa: E402
from versions.models import PromptVersion  # noqa: E402


def main(pk: str, number: str) -> None:
    """Decide, so many at once."""
    live = PromptVersion.objects.select_related("prompt").get(pk=pk)
    go, acted = threading.Event(), []

    def decide() -> None:
        go.wait()
        if automation.trouble(live, "signal", "It fails.") is not None:
            acted.append(1)
        connection.close()

    threads = [threading.Thread(target=decide) for _ in range(int(number))]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.readline()
    go.set()
    for thread in threads:
        thread.join()
    print(json.dumps(len(acted)))


if __name__ == "__main__":
    main(*sys.argv[1:])
