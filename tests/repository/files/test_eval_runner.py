"""Scoring a tree task by task: offline, from recorded answers, against the threshold in the metadata (S3-10, S3-16, S3-17)."""

import json
import os
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from executions.providers import Answer
from executions.providers.offline import Offline
from repository.files.results import read_result
from repository.files.tree import read_tree
from repository.recorded import Book, key_of
from repository.validation import problems_in
from tests.live import ROOT
from tests.repository.files.trees import make_tree

ECHO = {  # the offline provider says what it was asked
    "00-templates/echo.yaml": "name: echo\ntemplate: 'Part {{ number }}'\n",
    "01-examples/echo.jsonl": "".join(
        f'{{"id": "ex-{n}", "input": {{"number": "{n}"}}, "expected": "Part {n if n < 9 else "X"}", "weight": 1}}\n' for n in range(10)
    ),
    "03-metadata/echo.yaml": "name: echo\ndescription: Says it back.\ninputs: {number: n}\noutputs: {text: t}\nthreshold: 0.9\n",
}  # fmt: skip
ONLY = dict.fromkeys(
    ("00-templates/part-number.v1.2.yaml", "01-examples/part-number.jsonl", "02-production/part-number.yaml",
     "03-metadata/part-number.yaml", "99-archive/part-number.v1.0.yaml", "prompt_registry.yaml")
)  # fmt: skip


@pytest.fixture
def tree(tmp_path):
    return make_tree(tmp_path / "prompts", {**ONLY, **ECHO})


def run(root, *options, **more):
    out = StringIO()
    call_command("eval_runner", str(root), *options, stdout=out, **more)
    return out.getvalue()


def result(root, path="04-evals/echo.draft.jsonl"):
    found, wrong = read_result(path, (root / path).read_bytes())
    assert wrong == []
    return found


def test_a_task_is_scored_and_logged(tree):
    """S3-10: reads the examples of the task, scores against what is expected, logs to 04-evals; S3-30."""
    said = run(tree, "--provider", "offline")
    assert "pass  echo draft: 0.9, threshold 0.9 (10 examples, 0 errors, offline)" in said
    found = result(tree)
    assert (found.score, found.threshold, found.verdict, found.examples) == (0.9, 0.9, "pass", 10)
    assert [(row["id"], row["score"]) for row in found.rows][8:] == [("ex-8", 1.0), ("ex-9", 0.0)]
    assert found.rows[9]["actual"] == "Part 9"
    assert {one.code for one in problems_in(read_tree(tree))} == {"PL052"}


def test_what_reaches_the_threshold_passes_and_what_is_below_fails(tree):
    """S3-17, S3-23: meets or exceeds."""
    assert "1 tasks: all are good enough." in run(tree, "--provider", "offline", "--fail-under", "0.9")
    with pytest.raises(CommandError, match=r"1 of 1 tasks are not good enough: echo\.") as error:
        run(tree, "--provider", "offline", "--fail-under", "0.900001")
    assert error.value.returncode == 1
    assert result(tree).score == 0.9, "what failed is logged, too"


def test_a_threshold_in_the_metadata_is_not_lowered_by_the_option(tree):
    (tree / "03-metadata/echo.yaml").write_text(ECHO["03-metadata/echo.yaml"].replace("0.9", "0.95"))
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("eval_runner", str(tree), "--provider", "offline", "--fail-under", "0.1", stdout=out)
    assert "FAIL  echo draft: 0.9, threshold 0.95" in out.getvalue()
    assert "ex-9: answered 'Part 9'" in out.getvalue()


def test_one_task_of_many(tree):
    """S3-16: eval_runner per task."""
    make_tree(tree)
    assert run(tree, "--provider", "offline", "--task", "echo").startswith("pass  echo")
    assert [path.name for path in (tree / "04-evals").iterdir()] == ["echo.draft.jsonl"]
    with pytest.raises(CommandError, match=r"There is no task 'other'. There are: echo, part-number"):
        run(tree, "--task", "other")


def test_the_newest_draft_is_scored_or_what_is_live(tree):
    make_tree(tree, {"03-metadata/part-number.yaml": "name: part-number\ndescription: d\nthreshold: null\n"})
    assert "part-number v1.2: " in run(tree, "--provider", "offline", "--task", "part-number")
    assert "part-number v1.1: " in run(tree, "--provider", "offline", "--task", "part-number", "--production")


def test_recorded_answers_need_no_network_and_no_database(tree, tmp_path):
    """S3-16 in CI: the same answers every time; an answer that is not recorded is an error, and not a pass."""
    book = Book(tmp_path / "answers.jsonl", must_exist=False)
    for n in range(10):
        book.add(key_of(f"Part {n}", {}), {"answer": f"Part {n}" if n < 9 else "Part X"})
    (tmp_path / "answers.jsonl").write_bytes(book.source())
    env = os.environ | {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "DJANGO_SETTINGS_MODULE": "promptledger.settings",
    }
    command = [sys.executable, "manage.py", "eval_runner", str(tree), "--answers", str(tmp_path / "answers.jsonl")]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert (done.returncode, "pass  echo draft: 1, threshold 0.9 (10 examples, 0 errors, recorded)" in done.stdout) == (
        0,
        True,
    ), done.stderr
    (tmp_path / "answers.jsonl").write_text(
        "".join((tmp_path / "answers.jsonl").read_text().splitlines(keepends=True)[:5])
    )
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert (done.returncode, "5 errors" in done.stdout, "holds no answer to this" in done.stdout) == (1, True, True), (
        done.stdout
    )
    assert result(tree).verdict == "inconclusive"


def test_without_a_database_it_says_who_could_answer(tree):
    env = os.environ | {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "DJANGO_SETTINGS_MODULE": "promptledger.settings",
    }
    command = [sys.executable, "manage.py", "eval_runner", str(tree)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert (done.returncode, "Say --provider offline, or --answers FILE." in done.stderr) == (2, True), done.stderr


def test_answers_are_recorded_once_and_asked_no_more(tree, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        Offline, "complete", lambda self, prompt, **more: asked.append(prompt) or Answer(prompt, cost_usd=0)
    )
    answers = tmp_path / "answers.jsonl"
    run(tree, "--provider", "offline", "--answers", str(answers), "--record")
    first = answers.read_bytes()
    run(tree, "--provider", "offline", "--answers", str(answers), "--record")
    assert (len(asked), answers.read_bytes() == first, first.count(b"\n")) == (10, True, 10)
    assert json.loads(first.splitlines()[0])["asked"].startswith("Part ")
    assert "recorded" in run(tree, "--answers", str(answers))


def test_a_judge_is_another_prompt_of_the_tree(tree):
    """S3-32: a meta-prompt scores; it is pinned by name and version."""
    judge = "name: judge\nversion: 1\nlabel: v1.0\ntemplate: '0.75'\n"
    scorer = "evaluation: {scorer: {type: judge, prompt: judge, version: 1}}\n"
    make_tree(tree, {"00-templates/judge.v1.0.yaml": judge, "03-metadata/judge.yaml": "name: judge\nthreshold: null\n",
                     **ONLY, "03-metadata/echo.yaml": ECHO["03-metadata/echo.yaml"].replace("0.9", "0.7") + scorer})  # fmt: skip
    assert "pass  echo draft: 0.75, threshold 0.7" in run(tree, "--provider", "offline")
    (tree / "00-templates/judge.v1.0.yaml").unlink()
    with pytest.raises(CommandError, match="judged by 'judge' version 1, which is not in the tree"):
        run(tree, "--provider", "offline")


def test_a_dry_run_writes_nothing(tree):
    run(tree, "--provider", "offline", "--dry-run")
    assert not (tree / "04-evals").exists()


def test_no_result_is_written_through_a_link(tree, tmp_path):
    (tmp_path / "outside").mkdir()
    (tree / "04-evals").symlink_to(tmp_path / "outside")
    with pytest.raises(CommandError) as error:
        run(tree, "--provider", "offline")
    assert (error.value.returncode, list((tmp_path / "outside").iterdir())) == (2, [])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fail-under", "2"], "from 0 to 1"),
        (["--record"], "--record needs --answers"),
        (["--answers", "nowhere.jsonl"], "No such file"),
        (["--provider", "offline", "--task", "lonely"], "it has no metadata"),
    ],
)
def test_bad_input_ends_with_two(tree, options, said):
    make_tree(tree, {**ONLY, "00-templates/lonely.yaml": "name: lonely\ntemplate: x\n"})
    with pytest.raises(CommandError) as error:
        run(tree, *options)
    assert (error.value.returncode, said in str(error.value)) == (2, True), str(error.value)


def test_a_pipe_is_no_file_of_answers(tree, tmp_path):
    os.mkfifo(tmp_path / "answers.jsonl")
    with pytest.raises(CommandError, match="no plain file") as error:
        run(tree, "--answers", str(tmp_path / "answers.jsonl"))
    assert error.value.returncode == 2


def test_a_broken_tree_is_not_scored(tree):
    (tree / "01-examples/echo.jsonl").write_text("{broken\n")
    with pytest.raises(CommandError, match=r"01-examples/echo.jsonl:1: PL041") as error:
        run(tree, "--provider", "offline")
    assert error.value.returncode == 2


def test_a_folder_that_is_no_tree(tmp_path):
    with pytest.raises(CommandError, match="is no tree of prompt files"):
        run(tmp_path)
