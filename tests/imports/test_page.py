"""docs/agents.md, "From a column system_prompt": its three steps work as written, in their order."""

import re
import shlex
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests import live
from tests.imports.sources import ROWS, sqlite
from versions.models import PromptVersion

PAGE = (
    (live.ROOT / "docs" / "agents.md")
    .read_text()
    .partition("## From a column `system_prompt`")[2]
    .partition("\n## ")[0]
)
URL = "postgresql://app@db.internal:5432/app"
LINES = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]


@pytest.mark.django_db
def test_the_three_steps(tmp_path: Path):
    assert len(LINES) == 3
    source = sqlite(tmp_path / "legacy.sqlite3")

    def run(line: str) -> str:
        command, _, after = line.partition(" && ")
        program, name, *arguments = shlex.split(command.replace(URL, source))
        assert (program, name) == ("manage.py", "import_system_prompts")
        assert ("DROP COLUMN" in after) == ("--verify" in arguments)
        out = StringIO()
        call_command(name, *arguments, stdout=out, stderr=StringIO())
        return out.getvalue()

    looked, done, verified = LINES
    with pytest.raises(CommandError):  # before the move the column must stay
        run(verified)
    before = run(looked)
    assert PromptVersion.objects.count() == 0
    assert run(done) == before
    live_now = PromptVersion.objects.in_production().filter(is_default_from_code=True, prompt__status_key="default")
    assert {version.template_source for version in live_now} == {text for _, text in ROWS if text and text.strip()}
    assert {version.prompt.title for version in live_now} == {"Migrated Default Prompt"}
    run(verified)
