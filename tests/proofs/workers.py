"""Programs that the proofs run as processes of their own: `python -m tests.proofs.workers NAME ARGUMENTS…`.

Each prints one JSON object when it ends.
"""

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promptledger.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402

from common.errors import Refusal  # noqa: E402
from ledger.actors import Actor  # noqa: E402
from versions.models import Prompt, PromptVersion  # noqa: E402
from versions.seen import ANYTHING, Seen  # noqa: E402
from versions.verifying import problems  # noqa: E402

CHUNK = 25
PACE = 0.02  # seconds between the rounds of contenders


def promoter(prompt_id: str, rounds: str, name: str) -> dict:
    """Take `rounds` versions to production, acknowledging each in the file ACK; the drafts are made some at a time."""
    by, done = Actor(name), 0
    first = PromptVersion.objects.select_related("prompt").filter(prompt=prompt_id).order_by("version")[0]
    while done < int(rounds):
        with transaction.atomic():
            ready = [_in_testing(first, by, f"{name} {done + n}") for n in range(min(CHUNK, int(rounds) - done))]
        for draft in ready:
            draft.promote(by=by, to="PRD", seen=Seen("TST"))
            done += 1
            if path := os.environ.get("ACK"):
                with open(path, "a") as file:
                    file.write(f"{draft.version}\n")
    return {"done": done}


def _in_testing(source: PromptVersion, by: Actor, text: str) -> PromptVersion:
    return source.create_new(by=by, seen=ANYTHING, template_source=text).promote(by=by, to="TST", seen=ANYTHING)


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
    """Ask the same question until the file `stop` is there; count the answers. Makes `stop.begun` when it begins."""
    seen: Counter = Counter()
    with connection.cursor() as cursor:
        Path(f"{stop}.begun").touch()
        while not os.path.exists(stop):
            cursor.execute(sql)
            seen[str(cursor.fetchone()[0])] += 1
            time.sleep(0.0005)  # leaves the processors to the writers
    return dict(seen)


def verifier(stop: str) -> dict:
    """Verify the ledger again and again until the file `stop` is there. The first time makes `stop.begun`."""
    runs, found = 0, []
    while not os.path.exists(stop):
        found += [str(problem) for problem in problems()]
        runs += 1
        Path(f"{stop}.begun").touch()
    return {"runs": runs, "problems": found[:20]}


def contender(prompt_id: str, press: str, name: str, folder: str) -> dict:
    """Press the same button as another process at the same moment, on one version after the other.

    Makes a file of its name once it has read the versions, and begins when there is one that is called `go`.
    """
    outcomes: Counter = Counter()
    rows = list(
        PromptVersion.objects.select_related("prompt").filter(prompt=prompt_id, version__gt=1).order_by("version")
    )
    Path(folder, name).touch()
    while not Path(folder, "go").exists():
        time.sleep(0.001)
    began = time.monotonic()
    for turn, version in enumerate(rows):
        time.sleep(max(0, began + turn * PACE - time.monotonic()))
        try:
            if press == "edit":
                version.edit(by=Actor(name), seen=Seen.of(version), template_source=f"{name} {turn}")
            else:
                version.promote(by=Actor(name), to="PRD", seen=Seen.of(version))
            outcomes["done"] += 1
        except Refusal as refusal:
            outcomes[refusal.code] += 1
            if press == "edit":
                both = refusal.data["yours"]["template_source"], refusal.data["current"]["template_source"]
                outcomes["both texts"] += both == (f"{name} {turn}", f"{'b' if name == 'a' else 'a'} {turn}")
    return dict(outcomes)


def numberer(prompt_id: str, rounds: str, name: str) -> list[int]:
    """Make drafts and delete every other one; return all the numbers that were given."""
    by, numbers = Actor(name), []
    first = PromptVersion.objects.select_related("prompt").get(prompt=prompt_id, version=1)
    for turn in range(int(rounds)):
        draft = first.create_new(by=by, seen=ANYTHING, bump="major" if turn % 7 == 0 else "minor")
        numbers.append([draft.version, draft.major, draft.minor])
        if turn % 2:
            draft.delete_draft(by=by, seen=Seen.of(draft))
    return numbers


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
