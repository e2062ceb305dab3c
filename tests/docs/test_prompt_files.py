"""docs/prompt-files.md says what the code does: codes, keys, commands, files; and S3's lines have each their proof."""

import re
import shutil
from io import StringIO

import pytest
from django.core.management import call_command

from repository.files import metadata, versions
from repository.files.codes import RULES
from repository.files.layout import FOLDERS, REGISTRY
from repository.files.results import ROW
from repository.files.tree import read_tree
from repository.validation import problems_in
from tests.live import ROOT

PAGE = (ROOT / "docs/prompt-files.md").read_text()
LEDGERS_OWN = {"schema_version", "created_by", "created_at", "updated_at", "deployed_at", "retired_at", "archived_at", "rollback_of",
               "is_default_from_code", "commit", "committed_at"}  # fmt: skip


def test_every_code_is_there_as_it_is():
    rows = re.findall(r"^\| `(PL\d+)` \| (error|warning)( \*)? \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows == [(rule.code, rule.level, " *" if rule.blocks else "", rule.title) for rule in RULES.values()]


KEYS = (set(metadata.READERS) | set(versions.READERS)) - LEDGERS_OWN | set(ROW) - {"error", "detail", "latency_ms"}


@pytest.mark.parametrize("name", [*FOLDERS, REGISTRY, *sorted(KEYS)])
def test_every_folder_and_key_is_named(name):
    assert re.search(rf"[`\"/ \n─]{re.escape(name)}[`\":/ ]", PAGE)


def fences(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.django_db
def test_what_it_tells_to_write_is_sound_and_can_be_imported(tmp_path):
    draft, described = fences("yaml")
    (example,) = fences("json")
    for path, text in {
        "00-templates/part-number.yaml": draft,
        "03-metadata/part-number.yaml": described,
        "01-examples/part-number.jsonl": example,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    assert [one.code for one in problems_in(read_tree(tmp_path))] == ["PL052"]
    for command in ("eval_runner", "import_prompts", "export_prompts"):
        options = ["--provider", "offline", "--fail-under", "0"] if command == "eval_runner" else []
        assert command in "".join(fences("sh"))
        if command == "eval_runner":
            shutil.copytree(tmp_path, copy := tmp_path.with_name("copy"))
            text = (copy / "03-metadata/part-number.yaml").read_text()
            (copy / "03-metadata/part-number.yaml").write_text(text.replace("0.85", "null"))
        call_command(command, str(copy if command == "eval_runner" else tmp_path), *options, stdout=StringIO())
    assert (tmp_path / "00-templates/part-number.v1.0.yaml").exists(), "as the page says"


def test_every_line_of_s3_is_named_in_a_test_or_in_the_documents():
    """A line that only GitHub or AWS can show has its place in docs/, with how to check it there."""
    texts = [
        PAGE,
        *(
            path.read_text()
            for path in [*ROOT.glob("docs/*.md"), *ROOT.glob("tests/**/*.py")]
            if path.name != "test_prompt_files.py"
        ),
    ]
    named: set[int] = set()
    for text in texts:
        named |= {int(number) for number in re.findall(r"\bS3-(\d+)", text)}
        for first, last in re.findall(r"\bS3-(\d+) to S3-(\d+)", text):
            named |= set(range(int(first), int(last) + 1))
    assert set(range(1, 40)) - named == set()
