"""Programs that the proofs run as processes of their own: `python -m tests.proofs.workers NAME ARGUMENTS…`.

Each prints one JSON object when it ends.
"""

import json
import os
import sys
import time
from collections import Counter

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promptledger.settings")
django.setup()

from django.db import connection  # noqa: E402

from common.errors import Refusal  # noqa: E402
from ledger.actors import Actor  # noqa: E402
from versions.models import Prompt, PromptVersion  # noqa: E402
from versions.seen import ANYTHING, Seen  # noqa: E402


def promoter(prompt_id: str, rounds: str, name: str) -> dict:
    """Make a version and take it to production, `rounds` times, acknowledging each on stdout's file."""
    prompt = Prompt.objects.get(pk=prompt_id)
    by, done = Actor(name), 0
    first = prompt.versions.order_by("version").first()
    first.prompt = prompt
    for _ in range(int(rounds)):
        draft = first.create_new(by=by, seen=ANYTHING, template_source=f"{name} {done}")
        draft = draft.promote(by=by, to="TST", seen=ANYTHING)
        draft = draft.promote(by=by, to="PRD", seen=ANYTHING)
        done += 1
        if path := os.environ.get("ACK"):
            with open(path, "a") as file:
                file.write(f"{draft.version}\n")
                file.flush()
    return {"done": done}


def naive_promoter(table: str, rounds: str, name: str) -> dict:
    """The same without lock or guard, on an unguarded copy of the table: what the proof must be able to catch."""
    done = 0
    with connection.cursor() as cursor:
        for turn in range(int(rounds)):
            cursor.execute(f"SELECT id FROM {table} WHERE stage = 'PRD'")
            present = [row[0] for row in cursor.fetchall()]
            time.sleep(0.001)  # what templates, hooks and the network cost between read and write
            cursor.execute(f"INSERT INTO {table} (said, stage) VALUES (%s, 'PRD')", [f"{name} {turn}"])
            for pk in present:
                cursor.execute(f"UPDATE {table} SET stage = 'RET' WHERE id = %s", [pk])
            done += 1
    return {"done": done}


def reader(sql: str, stop: str) -> dict:
    """Ask the same question until the file `stop` is there; count the answers."""
    seen: Counter = Counter()
    with connection.cursor() as cursor:
        while not os.path.exists(stop):
            cursor.execute(sql)
            seen[str(cursor.fetchone()[0])] += 1
    return dict(seen)


def editor(version_id: str, rounds: str, name: str) -> dict:
    """Edit a version as often as it lets itself be edited."""
    outcomes: Counter = Counter()
    for turn in range(int(rounds)):
        version = PromptVersion.objects.select_related("prompt").get(pk=version_id)
        try:
            version.edit(by=Actor(name), seen=ANYTHING, template_source=f"{name} {turn}")
            outcomes["saved"] += 1
        except Refusal as refusal:
            outcomes[refusal.code] += 1
    return dict(outcomes)


def racer(prompt_id: str, rounds: str, role: str) -> dict:
    """One side of edit against promote: both take the newest draft by number and do their part at once."""
    outcomes: Counter = Counter()
    prompt = Prompt.objects.get(pk=prompt_id)
    for number in range(2, int(rounds) + 2):
        version = _wait_for(prompt, number)
        try:
            if role == "editor":
                version.edit(by=Actor(role), seen=Seen.of(version), template_source=f"edited {number}")
            else:
                version = version.promote(by=Actor(role), to="TST", seen=ANYTHING)
                version.promote(by=Actor(role), to="PRD", seen=ANYTHING)
                version.create_new(by=Actor(role), seen=ANYTHING, template_source=f"text {number + 1}")
            outcomes["done"] += 1
        except Refusal as refusal:
            outcomes[refusal.code] += 1
    return dict(outcomes)


def _wait_for(prompt: Prompt, number: int) -> PromptVersion:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if found := prompt.versions.select_related("prompt").filter(version=number).first():
            return found
    raise TimeoutError(number)


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
