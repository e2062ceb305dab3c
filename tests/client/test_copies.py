"""What is kept and for how long: memory, revalidation, disk, and what a 404, a 401 and a 429 mean."""

import asyncio
import json
import logging
import os
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from promptledger_client import NotFound, PromptLedger, Refused, Unavailable, WhenGone, keeper
from promptledger_client.questions import Question
from promptledger_client.replies import Reply

from tests.client.conftest import with_patience
from tests.client.ledgers import AGENT, KEY, StubLedger, served

NEW = served("New {{ name }}", version=4, label="v4.0")


def copies(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.json"))


def test_within_its_ttl_a_prompt_is_not_asked_for_again(stub: StubLedger, ask: Any):
    client = ask.client(stub.url, ttl=60)
    assert [ask(client).source for _ in range(3)] == ["fresh", "memory", "memory"]
    stub.prompts = [NEW]
    assert ask(client).version == 3
    assert len(stub.asked) == 1


def test_after_its_ttl_one_round_trip_says_that_it_still_holds(stub: StubLedger, ask: Any):
    client = ask.client(stub.url)
    assert [ask(client).source for _ in range(2)] == ["fresh", "revalidated"]
    first, second = stub.asked
    assert "if-none-match" not in first.headers
    assert second.headers["if-none-match"].startswith('"')
    stub.prompts = [NEW]
    found = ask(client)
    assert (found.source, found.version, found.render(name="Bo")) == ("fresh", 4, "New Bo")
    assert len(stub.asked) == 3


def test_the_ttl_is_over_when_its_time_is(stub: StubLedger, ask: Any, clock: Any):
    client = ask.client(stub.url, ttl=600)
    ask(client)
    stub.prompts = [NEW]
    clock.ahead = 590
    assert ask(client).version == 3
    clock.ahead = 600
    assert ask(client).version == 4


def test_what_is_asked_for_is_what_goes_over_the_wire(stub: StubLedger, ask: Any):
    stub.prompts = [
        served(agent="Ag entü?#%", prompt="x"),
        served(agent=None, prompt="WEL COME", status_key="default", served_status_key="default", version=2, label="v1.1", stage="RET"),
    ]  # fmt: skip
    client = ask.client(stub.url, api_key="pl_key")
    assert ask(client, "Ag entü?#%", strict=True).agent == "Ag entü?#%"
    assert ask(client, None, name="WEL COME", version=2).stage == "RET"
    assert ask(client, None, name="WEL COME", version="2").label == "v1.1"
    first, second, *_ = stub.asked
    assert first.query == {"status_key": KEY, "strict": "1"}
    assert (second.path, second.query) == ("/v1/prompts/WEL%20COME/active", {"version": "2"})
    assert first.headers["authorization"] == "Bearer pl_key"
    assert first.headers["user-agent"].startswith("promptledger-client/")
    assert "pl_key" not in repr(client) + repr(client.settings)


@pytest.mark.parametrize(
    "said",
    [
        {"agent": None}, {"agent": "A", "name": "B"}, {"agent": "A", "version": 1}, {"agent": "A", "stage": "TST"},
        {"agent": None, "name": "A", "status_key": "K"}, {"agent": None, "name": "A", "strict": True},
        {"agent": None, "name": "A", "version": 1, "stage": "TST"}, {"agent": None, "name": "A", "version": 1.5},
        {"agent": "A/B"}, {"agent": ".."}, {"agent": ""}, {"agent": None, "name": ""}, {"agent": 3},
    ],
    ids=repr,
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_before_it_is(said: dict[str, Any], stub: StubLedger, ask: Any):
    client = ask.client(stub.url)
    with pytest.raises((TypeError, ValueError)):
        ask.run(client.prompt(**said))
    assert stub.asked == []


def test_the_key_that_served_is_named(stub: StubLedger, ask: Any):
    stub.prompts = [served(served_status_key="NOT_REGISTERED", prompt="StanAgent.NOT_REGISTERED")]
    found = ask(ask.client(stub.url), status_key="BLOCKED")
    assert (found.status_key, found.served_status_key, found.name) == (
        "BLOCKED", "NOT_REGISTERED", "StanAgent.NOT_REGISTERED",
    )  # fmt: skip


# A 404


def test_a_removed_prompt_lives_on_nowhere(stub: StubLedger, ask: Any, tmp_path: Path):
    client = ask.client(stub.url, cache_dir=tmp_path)
    ask(client)
    assert len(copies(tmp_path)) == 1
    stub.prompts = []
    with pytest.raises(NotFound) as caught:
        ask(client)
    assert (caught.value.status, caught.value.code) == (404, "nothing_live")
    assert copies(tmp_path) == []
    stub.misbehave("refused")
    with pytest.raises(Unavailable):
        ask(client)
    with pytest.raises(Unavailable):
        ask(ask.client(stub.url, cache_dir=tmp_path))


def test_after_a_404_only_a_text_in_code_is_given_and_no_bundle(stub: StubLedger, ask: Any, tmp_path: Path):
    from promptledger_client.bundle import bundle_text

    bundle = tmp_path / "bundle.json"
    bundle.write_text(bundle_text([served()]))
    stub.prompts = []
    client = ask.client(stub.url, bundle=bundle)
    found = ask(client, fallback="In code")
    assert (found.source, found.template, found.problem) == ("fallback", "In code", "Nothing is live.")
    with pytest.raises(NotFound):
        ask(client)


def test_a_404_is_remembered_for_a_moment(stub: StubLedger, ask: Any, clock: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keeper, "MISSING_FOR", 60.0)
    stub.prompts = []
    client = ask.client(stub.url, ttl=60)
    for _ in range(3):
        with pytest.raises(NotFound):
            ask(client)
    assert len(stub.asked) == 1
    stub.prompts = [NEW]
    clock.ahead = 60
    assert ask(client).version == 4


def test_a_text_for_when_the_server_is_gone_is_not_for_a_404(stub: StubLedger, ask: Any):
    client = ask.client(stub.url)
    stub.prompts = []
    with pytest.raises(NotFound):
        ask(client, fallback=WhenGone("In code"))
    stub.misbehave("refused")
    found = ask(ask.client(stub.url), fallback=WhenGone("In code"))
    assert (found.source, found.render()) == ("fallback", "In code")


# Refusals


@pytest.mark.parametrize("status", [400, 401, 403, 409])
def test_a_program_that_starts_with_a_bad_key_is_told_so(status: int, stub: StubLedger, ask: Any):
    ask(ask.client(stub.url))
    stub.refusal = (status, {"detail": "No.", "code": "refused"})
    client = ask.client(stub.url)
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            ask(client, fallback="In code")
    assert (caught.value.status, caught.value.code, caught.value.detail) == (status, "refused", "No.")
    assert not isinstance(caught.value, NotFound)


@pytest.mark.parametrize("status", [400, 401, 403, 409])
def test_a_program_that_runs_goes_on_with_what_it_has_and_warns(
    status: int, stub: StubLedger, ask: Any, caplog: pytest.LogCaptureFixture
):
    client = ask.client(stub.url)
    ask(client)
    stub.refusal = (status, {"detail": "No.", "code": "refused"})
    found = [ask(client) for _ in range(3)]
    assert [(one.source, one.problem) for one in found] == [("stale", "No.")] * 3
    assert [record.levelno for record in caplog.records if "Going on with" in record.message] == [logging.WARNING]
    assert len(stub.asked) == 2


# A server that fails is left alone


@pytest.mark.parametrize("fault", ["refused", "503", "garbage"])
def test_a_dead_server_is_not_hammered_and_a_warm_call_stays_quick(
    fault: str, stub: StubLedger, ask: Any, long_waits: None
):
    client = ask.client(stub.url)
    ask(client)
    stub.misbehave(fault)
    took = []
    for _ in range(2_000):
        began = time.thread_time()  # not the time that other processes take
        assert ask(client).source == "stale"
        took.append(time.thread_time() - began)
    assert len(stub.asked) == (1 if fault == "refused" else 2)
    assert sorted(took)[int(len(took) * 0.99)] < 0.001


def test_one_failure_of_the_server_counts_for_all_prompts(stub: StubLedger, ask: Any, long_waits: None):
    stub.prompts = [served(agent=f"A{number}") for number in range(20)]
    client = ask.client(stub.url)
    for number in range(20):
        ask(client, f"A{number}")
    stub.misbehave("time-out")
    ask.hurry(client)
    assert {ask(client, f"A{number}").source for number in range(20)} == {"stale"}
    stub.until_asked(21)
    assert len(stub.asked) == 21  # one that waited in vain, not twenty


def test_a_broken_answer_for_one_prompt_leaves_the_others_alone(stub: StubLedger, ask: Any):
    broken = {**served(agent="Broken"), "template_source": "another text"}
    stub.prompts = [served(), broken]
    client = ask.client(stub.url)
    assert ask(client).source == "fresh"
    with pytest.raises(Unavailable, match="checksum_hash"):
        ask(client, "Broken")
    stub.prompts = [NEW, broken]
    assert ask(client).version == 4


def test_retry_after_is_kept_even_by_a_program_that_has_nothing(stub: StubLedger, ask: Any):
    stub.misbehave("429")
    client = ask.client(stub.url)
    for _ in range(3):
        with pytest.raises(Unavailable) as caught:
            ask(client)
    assert caught.value.retry_after == 120
    assert len(stub.asked) == 1


def test_without_retry_after_a_program_that_has_nothing_asks_again(stub: StubLedger, ask: Any):
    stub.misbehave("503")
    client = ask.client(stub.url)
    for _ in range(3):
        with pytest.raises(Unavailable):
            ask(client)
    assert len(stub.asked) == 3


# Age


@pytest.mark.parametrize("fault", ["refused", "429"])
def test_a_copy_older_than_max_stale_is_not_used(
    fault: str, stub: StubLedger, ask: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
):
    stored = time.time()
    monkeypatch.setattr("promptledger_client.disk.time", lambda: stored)
    client = ask.client(stub.url, max_stale=100)
    ask(client)
    stub.misbehave(fault)
    clock.ahead = 90
    assert ask(client).source == "stale"
    clock.ahead = 101  # the server is still to be left alone after 429
    with pytest.raises(Unavailable, match=r"memory: 101 s old, more than max_stale \(100 s\)"):
        ask(client)
    assert ask(client, fallback="In code").source == "fallback"
    monkeypatch.setattr("promptledger_client.disk.time", lambda: stored + 101)
    with pytest.raises(Unavailable, match=r"disk: 101 s old, more than max_stale \(100 s\)"):
        ask(ask.client(stub.url, max_stale=100))
    assert ask(ask.client(stub.url)).source == "disk"


def test_the_ttl_is_never_longer_than_max_stale(stub: StubLedger, ask: Any):
    client = ask.client(stub.url, ttl=60, max_stale=0)
    ask(client)
    stub.misbehave("refused")
    with pytest.raises(Unavailable):
        ask(client)


def test_a_copy_from_the_future_has_no_age(stub: StubLedger, ask: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    import promptledger_client.disk as disk

    with monkeypatch.context() as patch:
        patch.setattr(disk, "time", lambda: time.time() + 86_400)
        ask(ask.client(stub.url, cache_dir=tmp_path))
    stub.misbehave("refused")
    assert ask(ask.client(stub.url, cache_dir=tmp_path)).source == "disk"
    with pytest.raises(Unavailable, match="its age is unknown"):
        ask(ask.client(stub.url, cache_dir=tmp_path, max_stale=3_600))


def test_the_date_of_a_copy_on_disk_moves_on_while_the_server_confirms_it(
    stub: StubLedger, ask: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
):
    stored = time.time()
    monkeypatch.setattr("promptledger_client.disk.time", lambda: stored + clock.ahead)
    client = ask.client(stub.url, max_stale=100)
    for ahead in (0, 90):
        clock.ahead = ahead
        ask(client)
    stub.misbehave("refused")
    clock.ahead = 150
    assert ask(ask.client(stub.url, max_stale=100)).source == "disk"
    clock.ahead = 191
    with pytest.raises(Unavailable, match="more than max_stale"):
        ask(ask.client(stub.url, max_stale=100))


# Disk


def test_a_copy_on_disk_saves_the_text_at_the_next_start(stub: StubLedger, ask: Any):
    ask(ask.client(stub.url))
    assert ask(ask.client(stub.url)).source == "revalidated"
    assert "if-none-match" in stub.asked[-1].headers


def test_only_its_owner_can_read_a_copy(stub: StubLedger, ask: Any, tmp_path: Path):
    ask(ask.client(stub.url, cache_dir=tmp_path / "made" / "for it"))
    (copy,) = copies(tmp_path)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700


def damage(content: bytes) -> dict[str, bytes]:
    record = json.loads(content)
    return {
        "empty": b"",
        "half": content[: len(content) // 2],
        "one bit": content.replace(b"Hello", b"Hallo"),
        "a version": content.replace(b'"version": 3', b'"version": 4'),
        "no hash": json.dumps({key: value for key, value in record.items() if key != "sha256"}).encode(),
        "a list": b"[]",
        "no UTF-8": b"\xff" + content,
        "zeros": bytes(len(content)),
    }


@pytest.mark.parametrize("kind", damage(b"{}"))
def test_a_damaged_copy_is_ignored_and_said(
    kind: str, stub: StubLedger, ask: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    ask(ask.client(stub.url, cache_dir=tmp_path))
    (copy,) = copies(tmp_path)
    whole = copy.read_bytes()
    copy.write_bytes(damage(whole)[kind])
    assert copy.read_bytes() != whole
    stub.misbehave("refused")
    with pytest.raises(Unavailable, match="is damaged and was ignored"):
        ask(ask.client(stub.url, cache_dir=tmp_path))
    assert "is damaged and was ignored" in caplog.text
    stub.start()
    assert ask(ask.client(stub.url, cache_dir=tmp_path)).source == "fresh"
    assert copy.read_bytes() != damage(whole)[kind]


def test_the_copy_of_another_question_or_ledger_is_not_believed(stub: StubLedger, ask: Any, tmp_path: Path):
    stub.prompts = [served(), served("Other", agent="Other")]
    client = ask.client(stub.url, cache_dir=tmp_path)
    ask(client)
    (one,) = copies(tmp_path)
    ask(client, "Other")
    (other,) = set(copies(tmp_path)) - {one}
    other.write_bytes(one.read_bytes())
    stub.misbehave("refused")
    with pytest.raises(Unavailable, match="it is the copy of something else"):
        ask(ask.client(stub.url, cache_dir=tmp_path), "Other")


def test_where_nothing_can_be_written_everything_else_works(
    stub: StubLedger, ask: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").write_text("")
    client = ask.client(stub.url, cache_dir=tmp_path / "file" / "below")
    assert ask(client).source == "fresh"
    stub.prompts = [NEW]
    assert ask(client).source == "fresh"
    assert caplog.text.count("No copies are kept") == 1


def test_a_copy_is_written_whole_while_others_read_it(stub: StubLedger, tmp_path: Path):
    """Two texts take turns; a reader that starts at any moment finds one of them, whole."""
    long = [served(f"{letter * 50_000} {{{{ name }}}}", version=version) for letter, version in (("a", 3), ("b", 4))]
    writer = PromptLedger(stub.url, ttl=0, cache_dir=tmp_path)
    stop, found = threading.Event(), set()

    def write() -> None:
        for turn in range(60):
            stub.prompts = [long[turn % 2]]
            writer.prompt(AGENT, status_key=KEY)
        stop.set()

    stub.prompts = [long[0]]
    writer.prompt(AGENT, status_key=KEY)
    thread = threading.Thread(target=write)
    thread.start()
    reader = keeper.Keeper(PromptLedger(stub.url, cache_dir=tmp_path).settings)
    question = next(iter(writer._entries))
    while not stop.is_set():
        copy, why = reader.disk.read(question)
        assert copy is not None, why
        found.add(copy.served["version"])
    thread.join()
    assert found
    assert found <= {3, 4}
    assert [path for path in tmp_path.rglob("*") if path.suffix == ".tmp"] == []


def test_what_a_killed_process_left_is_swept(stub: StubLedger, ask: Any, tmp_path: Path):
    ask(ask.client(stub.url, cache_dir=tmp_path))
    folder = copies(tmp_path)[0].parent
    for name, age in (("old.tmp", 7_200), ("new.tmp", 0)):
        (folder / name).write_text("half")
        os.utime(folder / name, (time.time() - age,) * 2)
    stub.prompts = [NEW]
    ask(ask.client(stub.url, cache_dir=tmp_path))
    assert [path.name for path in folder.glob("*.tmp")] == ["new.tmp"]


# What the log says


@pytest.mark.parametrize(
    ("settings", "said", "what"),
    [
        (None, {}, "v3.0 from memory, confirmed 0 s ago"),
        ({}, {}, "v3.0 from disk, confirmed 0 s ago"),
        ({"cache_dir": False}, {"fallback": "x"}, "the text in code"),
    ],
)
def test_the_log_says_once_what_a_program_goes_on_with(
    settings: dict[str, Any] | None, said: dict[str, Any], what: str, stub: StubLedger, ask: Any, short_waits: None,
    caplog: pytest.LogCaptureFixture, clock: Any, monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    stored = time.time()
    monkeypatch.setattr("promptledger_client.disk.time", lambda: stored + clock.ahead)
    client = ask.client(stub.url)
    ask(client)
    stub.misbehave("503")
    if settings is not None:  # a program that starts
        client = ask.client(stub.url, **settings)
    for _ in range(3):
        ask(client, **said)
        clock.ahead += 0.06
    expected = f"Going on with {what} for agent '{AGENT}', status key '{KEY}': {stub.url}: it answered 503: Not now."
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [expected]
    stub.mode = ""
    assert ask(client).source in {"fresh", "revalidated"}
    stub.mode = "503"
    ask(client, **said)
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 2


# Many at once


def test_threads_that_find_a_prompt_expired_make_one_request(stub: StubLedger):
    stub.seconds = 0.2
    client = PromptLedger(stub.url, ttl=60)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(client.prompt(AGENT, status_key=KEY))) for _ in range(16)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stub.asked) == 1
    assert [one.version for one in found] == [3] * 16


def test_tasks_that_find_a_prompt_expired_make_one_request_and_a_cancelled_one_harms_no_other(stub: StubLedger):
    from promptledger_client import AsyncPromptLedger

    stub.seconds = 0.5

    async def main() -> list[Any]:
        async with AsyncPromptLedger(stub.url, ttl=60) as client:
            tasks = [asyncio.create_task(client.prompt(AGENT, status_key=KEY)) for _ in range(16)]
            await asyncio.sleep(0.05)
            tasks[0].cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

    first, *others = asyncio.run(main())
    assert isinstance(first, asyncio.CancelledError)
    assert [one.version for one in others] == [3] * 15
    assert len(stub.asked) == 1


def test_a_closed_client_opens_new_connections_when_it_is_asked(stub: StubLedger, ask: Any):
    client = ask.client(stub.url)
    ask(client)
    ask.run(client.close())
    assert ask(client).source == "revalidated"
    assert len({one.peer for one in stub.asked}) == 2


def test_an_answer_that_was_overtaken_does_not_bring_the_old_text_back(stub: StubLedger):
    """Two event loops ask: the first gets the old text late, after the second got the new one."""
    kept = keeper.Keeper(PromptLedger(stub.url, cache_dir=False).settings)
    question = Question(AGENT, KEY, None, None, None, False)

    def reply(said: dict[str, Any]) -> Reply:
        return Reply(200, {}, json.dumps(said).encode())

    asked = time.monotonic()
    kept.accept(question, reply(NEW), asked + 0.1)
    assert kept.accept(question, reply(served()), asked)[0].version == 3  # what its caller was told is its own
    assert kept.entries[question].good.version == 4


def test_one_async_client_serves_one_event_loop_after_the_other(stub: StubLedger):
    from promptledger_client import AsyncPromptLedger

    client = AsyncPromptLedger(stub.url, ttl=0)
    found = [asyncio.run(client.prompt(AGENT, status_key=KEY)).source for _ in range(3)]
    assert found == ["fresh", "revalidated", "revalidated"]


def test_while_the_server_hangs_only_one_thread_waits_for_it(stub: StubLedger, short_waits: None):
    client = PromptLedger(stub.url, ttl=0)
    client.prompt(AGENT, status_key=KEY)
    stub.misbehave("time-out")
    with_patience(client, 0.2)
    assert client.prompt(AGENT, status_key=KEY).source == "stale"
    time.sleep(0.06)
    with_patience(client, 3)
    waited = []

    def call() -> None:
        began = time.monotonic()
        assert client.prompt(AGENT, status_key=KEY).source == "stale"
        waited.append(time.monotonic() - began)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([seconds for seconds in waited if seconds > 1.5]) == 1


def test_no_answer_is_older_than_the_call_when_there_is_no_ttl(stub: StubLedger):
    """A caller that joins a question put before it came asks once more: it may have been promoted in between."""
    client = PromptLedger(stub.url, ttl=0)
    client.prompt(AGENT, status_key=KEY)
    stub.seconds = 1.0
    early = threading.Thread(target=lambda: client.prompt(AGENT, status_key=KEY))
    early.start()
    while len(stub.asked) < 2:
        time.sleep(0.01)
    answered_before = len(stub.asked)
    client.prompt(AGENT, status_key=KEY)
    early.join()
    assert (answered_before, len(stub.asked)) == (2, 3)


def test_callers_without_end_do_not_fill_the_memory(stub: StubLedger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keeper, "MOST", 10)
    stub.prompts = [served(agent=f"A{number}") for number in range(15)]
    client = PromptLedger(stub.url, ttl=60, cache_dir=False)
    for number in range(30):
        client.prompt(f"A{number}", status_key=KEY, fallback="x")
    kept = client._keeper
    assert (len(kept.entries), len(kept.missing), len(kept.looked)) == (10, 10, 10)
    assert client.prompt("A14", status_key=KEY).source == "memory"
