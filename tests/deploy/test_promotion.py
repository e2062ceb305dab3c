"""`python -m deploy.prompts` against a real ledger on loopback: a merge goes live once, or is blocked with the reason."""

import http.server
import io
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import pytest

from deploy.prompts.__main__ import main
from deploy.prompts.ledger import Ledger, NoLedger
from deploy.prompts.promotion import Promotions
from deploy.prompts.record import OddPath, record
from deploy.prompts.scores import Judge
from tests import live
from tests.deploy import trees

SHA = "1" * 40
OTHER = "2" * 40


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("ledger")


@pytest.fixture(scope="module")
def url(data_dir):
    with live.running(data_dir, "--no-demo") as address:
        yield address


@pytest.fixture
def ledger(url) -> Ledger:
    return Ledger(url, sleep=lambda seconds: None)


@pytest.fixture
def name(request) -> str:
    """A prompt of the test's own."""
    return re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")[-60:]


def start(url: str, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PROMPTLEDGER", "GITHUB"))}
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.prompts", *arguments], cwd=live.ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**kept, "PROMPTLEDGER_URL": url, **environ},
    )  # fmt: skip


def run(url: str, *arguments: str, **environ: str) -> tuple[int, str]:
    """The same in this process, which is quicker."""
    said = io.StringIO()
    given = {"PROMPTLEDGER_URL": url, "PROMPTLEDGER_API_KEY": "", "GITHUB_ACTIONS": "", **environ}
    with mock.patch.dict(os.environ, given), redirect_stdout(said), redirect_stderr(said):
        return main(list(arguments)), said.getvalue()


def promote(url: str, tree: Path, commit: str = SHA) -> tuple[int, str]:
    return run(url, "promote", str(tree), "--commit", commit)


def promotions(ledger: Ledger, name: str) -> list[dict]:
    return [event for event in ledger.all("prompts", name, "events", action="promoted") if event["to_stage"] == "PRD"]


def test_a_merge_goes_live_and_a_second_run_changes_nothing(url, ledger, name, tmp_path):
    """S3-11, S3-34 to S3-37: evaluated, scored, promoted, without a hand."""
    tree = trees.write(tmp_path, name)
    code, said = promote(url, tree)
    assert code == 0, said
    served = ledger.get("prompts", name, "active")
    assert (served["label"], served["template_source"]) == ("v1.0", "Hello {{ name }}")
    (run_,) = ledger.all("prompts", name, "evaluations")
    assert (run_["score"], run_["verdict"]) == (1.0, "pass")
    before = list(ledger.all("prompts", name, "events"))
    code, said = promote(url, tree)
    assert (code, "v1.0 is live, by this commit." in said) == (0, True)
    assert list(ledger.all("prompts", name, "events")) == before
    (event,) = promotions(ledger, name)
    assert event["reason"] == f"Commit {SHA}"


class Late(Ledger):
    """A ledger that is so quick, or so far away, that an evaluation ends before a gate that was read has come back."""

    def get(self, *path: str, **query: str) -> dict:
        answer = super().get(*path, **query)
        deadline = time.monotonic() + live.SECONDS
        while path[-1] == "gate" and any(run["completed_at"] is None for run in self.all(*path[:2], "evaluations")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return answer


def test_what_the_ledger_evaluates_by_itself_is_not_paid_a_second_time(url, name, tmp_path):
    late = Late(url)
    said: list[str] = []
    promotions = Promotions(late, SHA, said.append, Judge(late, said.append))
    assert promotions.promote(trees.write(tmp_path, name)) == []
    assert (said[-1], len(list(late.all("prompts", name, "evaluations")))) == (f"{name}: v1.0 is live.", 1)


def test_two_runs_at_once_make_one_promotion(url, ledger, name, tmp_path):
    promote(url, trees.write(tmp_path, name))
    trees.write(tmp_path, name, "Hello  {{ name }}", "Hello ")
    both = [start(url, "promote", str(tmp_path), "--commit", OTHER) for _ in range(2)]
    said = [process.communicate(timeout=150)[0] for process in both]
    assert all(process.returncode in (0, 1) for process in both), said
    assert [event["reason"] for event in promotions(ledger, name)].count(f"Commit {OTHER}") == 1
    assert ledger.get("prompts", name, "active")["template_source"] == "Hello  {{ name }}"


@pytest.mark.parametrize("as_far", ["made", "live"])
def test_a_run_that_another_one_overtakes_uses_its_version_and_leaves_none(
    url, ledger, name, tmp_path, monkeypatch, as_far
):
    promote(url, trees.write(tmp_path, name))
    trees.write(tmp_path, name, "Hello  {{ name }}", "Hello ")
    send, overtaken = Ledger.send, []

    def late(self: Ledger, method: str, *path: str, **body: object) -> dict:
        if (method, path) == ("POST", ("prompts", name, "versions")) and not overtaken:
            overtaken.append(path)
            if as_far == "made":
                send(self, method, *path, **body)
            else:
                assert promote(url, tmp_path, OTHER)[0] == 0
        return send(self, method, *path, **body)

    monkeypatch.setattr(Ledger, "send", late)
    code, said = promote(url, tmp_path, OTHER)
    assert (code, bool(overtaken)) == (0, True), said
    assert [event["reason"] for event in promotions(ledger, name)].count(f"Commit {OTHER}") == 1
    labels = {one["label"]: one["stage"] for one in ledger.all("prompts", name, "versions")}
    assert labels == {"v1.1": "PRD", "v1.0": "RET"}


def test_a_score_below_the_threshold_blocks_it_with_the_reason(url, ledger, name, tmp_path):
    promote(url, trees.write(tmp_path, name))
    trees.write(tmp_path, name, "Bye {{ name }}", "Hello")
    code, said = promote(url, tmp_path, OTHER)
    assert code == 1
    assert f"{name}: v1.1 stays in TST." in said
    assert "score 0 is below the threshold 0.9" in said
    assert ledger.get("prompts", name, "active")["label"] == "v1.0"
    assert len(promotions(ledger, name)) == 1


def test_metadata_that_do_not_name_the_variables_block_it(url, ledger, name, tmp_path):
    """S3-24: the gate asks for metadata that are up to date."""
    code, said = promote(url, trees.write(tmp_path, name, inputs={"somebody": "else"}))
    assert (code, "Its inputs do not name name" in said) == (1, True), said
    assert ledger.get("prompts", name)["production"] is None


def test_what_a_person_put_live_since_is_not_taken_away_by_a_second_run(url, ledger, name, tmp_path):
    first = trees.write(tmp_path / "first", name)
    second = trees.write(tmp_path / "second", name, "Hello  {{ name }}", "Hello ")
    assert promote(url, first)[0] == 0
    assert promote(url, second, OTHER)[0] == 0
    assert promote(url, first, "3" * 40)[0] == 0  # somebody takes it back
    before = list(ledger.all("prompts", name, "events"))
    code, said = promote(url, second, OTHER)
    assert (code, "v1.2 has taken its place since. It stays." in said) == (1, True)
    assert ledger.get("prompts", name, "active")["template_source"] == "Hello {{ name }}"
    assert list(ledger.all("prompts", name, "events")) == before  # nor are its examples and its metadata


def test_the_next_commit_with_the_same_text_changes_nothing_but_what_it_says_of_it(url, ledger, name, tmp_path):
    promote(url, trees.write(tmp_path, name))
    code, said = promote(url, trees.write(tmp_path, name, description="Greets somebody by name."), OTHER)
    assert (code, "v1.0 is live and says this already" in said) == (0, True)
    assert ledger.get("prompts", name)["description"] == "Greets somebody by name."
    assert len(promotions(ledger, name)) == 1


def test_a_colleagues_draft_is_left_alone_and_one_that_says_the_same_is_used(url, ledger, name, tmp_path):
    promote(url, trees.write(tmp_path, name))
    draft = ledger.send("POST", "prompts", name, "versions", **{"from": "v1.0"}, template_source="half a thou")
    same = ledger.send("POST", "prompts", name, "versions", **{"from": "v1.0"}, template_source="Hello  {{ name }}")
    trees.write(tmp_path, name, "Hello  {{ name }}", "Hello ")
    assert promote(url, tmp_path, OTHER)[0] == 0
    assert ledger.get("prompts", name, "versions", draft["label"])["template_source"] == "half a thou"
    assert ledger.get("prompts", name, "active")["label"] == same["label"]


def test_an_agents_prompt_is_made_with_its_agent(url, ledger, name, tmp_path):
    tree = trees.write(tmp_path, name, agent=f"{name}-agent", status_key="APPROVED", title="Greeting", tags=["a"])
    code, said = promote(url, tree)
    assert code == 0, said
    served = ledger.get("agents", f"{name}-agent", "prompt", status_key="APPROVED")
    assert served["prompt"] == name
    assert ledger.get("prompts", name)["title"] == "Greeting"


def test_a_tracking_prompt_is_the_codes(url, ledger, name, tmp_path):
    ledger.send("POST", "prompts", "register-code", prompts=[{"name": name, "template_source": "Hello {{ name }}!"}])
    code, said = promote(url, trees.write(tmp_path, name))
    assert (code, "code owns its text" in said) == (1, True)
    assert ledger.get("prompts", name, "active")["template_source"] == "Hello {{ name }}!"


def test_a_tree_that_is_wrong_sends_nothing(url, ledger, name, tmp_path):
    trees.write(tmp_path, name)
    (tmp_path / "02-production" / "twice.yaml").write_text("name: a\nname: b\ntemplate: x\n")
    code, said = promote(url, tmp_path)
    assert code == 2
    assert "02-production/twice.yaml" in said
    assert ledger.find("prompts", name) is None


@pytest.mark.parametrize("commit", ["", "HEAD", "main", "'; drop", "1" * 65])
def test_a_commit_is_a_commit(url, ledger, tmp_path, commit):
    trees.write(tmp_path, "never")
    assert promote(url, tmp_path, commit)[0] == 2
    assert ledger.find("prompts", "never") is None


def test_on_github_what_is_blocked_is_an_annotation(url, name, tmp_path):
    trees.write(tmp_path, name, "Bye {{ name }}")
    code, said = run(url, "promote", str(tmp_path), "--commit", SHA, GITHUB_ACTIONS="true")
    assert code == 1
    (line,) = [line for line in said.splitlines() if line.startswith("::error::")]
    assert "stays in TST" in line


def test_registry_and_evaluations_come_back_as_an_export_writes_them(url, ledger, name, tmp_path, data_dir):
    """S3-22, S3-30, S3-31: byte for byte; and a second time nothing is written."""
    tree = trees.write(tmp_path / "prompts", name)
    assert promote(url, tree)[0] == 0
    code, said = run(url, "record", str(tree))
    assert code == 0, said
    assert {"prompt_registry.yaml", f"04-evals/{name}.v1.0.jsonl"} <= set(said.splitlines())
    environ = live.environment(data_dir, PROMPTLEDGER_LOCAL="1")
    exported = tmp_path / "exported"
    subprocess.run([sys.executable, "manage.py", "export_prompts", exported], cwd=live.ROOT, env=environ, check=True)
    for path in said.splitlines():
        assert (tree / path).read_bytes() == (exported / path).read_bytes(), path
    assert run(url, "record", str(tree)) == (0, "The files say what the ledger says.\n")


def test_a_ledger_that_names_a_file_elsewhere_writes_nothing(tmp_path):
    row = {"evaluation": {"file": "04-evals/../../x.jsonl", "id": "1", "label": "v1.0"}}

    class Odd:
        def get(self, *path: str) -> dict:
            return {"prompts": {"x": row}}

    with pytest.raises(OddPath):
        record(Odd(), tmp_path / "prompts")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["04-evals", "prompt_registry.yaml"])
def test_it_is_written_through_no_link(url, where, tmp_path):
    """Somebody's commit with a link would have the workflow, which may write, change any other file of the clone."""
    tree, outside = trees.write(tmp_path / "prompts"), tmp_path / "outside"
    outside.mkdir()
    (outside / "release.yml").write_text("untouched")
    (tree / where).symlink_to(outside if where == "04-evals" else outside / "release.yml")
    code, said = run(url, "record", str(tree))
    assert (code, "is a link" in said) == (2, True), said
    assert [path.name for path in outside.iterdir()] == ["release.yml"]
    assert (outside / "release.yml").read_text() == "untouched"


def test_scores_of_what_is_live(url, ledger, name, tmp_path):
    """S3-17, S3-21. The last of this file by design: it judges everything that is live in this ledger."""
    assert promote(url, trees.write(tmp_path, name))[0] == 0
    code, said = run(url, "scores")
    assert code == 0, said
    assert f"{name}: v1.0 scores 1.0, threshold 0.9: pass." in said
    rows = [{"input": {"name": "Ada"}, "expected": "Bye Ada"}]
    ledger.send("PUT", "prompts", name, "examples", examples=rows)
    code, said = run(url, "scores")
    assert code == 1
    assert f"{name}: v1.0 scores 0.0, threshold 0.9: fail. It is still live" in said


# without a ledger


@pytest.mark.parametrize("address", ["", "prompts.example.com", "ftp://127.0.0.1", "http://prompts.example.com"])
def test_an_address_that_would_show_the_key_or_is_none_is_refused(address):
    assert run(address, "scores")[0] == 2


def test_nobody_there_is_neither_well_nor_a_regression(monkeypatch):
    waits = []
    ledger = Ledger(f"http://127.0.0.1:{live.free_port()}", sleep=waits.append)
    with pytest.raises(NoLedger):
        ledger.get("prompts")
    assert waits == [2.0, 4.0, 8.0]
    waits.clear()
    with pytest.raises(NoLedger):
        ledger.send("POST", "prompts", name="x")
    assert waits == []  # what writes is not sent twice


def test_a_redirect_does_not_get_the_key():
    asked = []

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Authorization")))
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(Exception, match="302"):
            Ledger(f"http://127.0.0.1:{server.server_port}", "secret").get("version")
        server.shutdown()
    assert asked == [("/v1/version", "Bearer secret")]
