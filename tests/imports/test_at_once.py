"""Two imports at the same time: every agent gets one prompt, and the ledger adds up."""

import threading
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from agents.models import Agent
from tests.imports.sources import write_csv
from versions.models import Prompt, PromptVersion
from versions.verifying import problems

NUMBER = 300


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_make_one_prompt_for_each_agent(tmp_path: Path):
    file = write_csv(tmp_path / "many.csv", [(f"Agent{n}", f"You are agent {n}.") for n in range(NUMBER)])
    start, said = threading.Barrier(2), []

    def run() -> None:
        out = StringIO()
        start.wait()
        try:
            call_command("import_system_prompts", file=file, stdout=out)
            said.append(out.getvalue().splitlines()[-1])
        except CommandError as error:
            said.append(str(error))
        finally:
            connections.close_all()

    runs = [threading.Thread(target=run) for _ in range(2)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    first = f"{NUMBER} legacy prompts: {NUMBER} migrated, 0 unchanged, 0 differs, 0 blank."
    assert said.count(first) == 1, said
    said.remove(first)
    assert said[0] in (
        f"{NUMBER} legacy prompts: 0 migrated, {NUMBER} unchanged, 0 differs, 0 blank.",
        "Somebody made one of these agents or prompts at the same time. Nothing was written: run it again.",
    )
    assert Agent.objects.count() == Prompt.objects.count() == PromptVersion.objects.in_production().count() == NUMBER
    assert list(problems()) == []
