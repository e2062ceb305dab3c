"""Bodies that do not come in: who sends half of one holds up nobody who asks, and is not waited for when it is gone."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest

from promptledger import uploads
from promptledger.uploads import BODY_LIMIT, Uploads
from tests import live

HALF = b"PUT /v1/prompts/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HALVES = {
    "length": HALF + b'Content-Length: 1000\r\n\r\n{"template',
    "chunks": HALF + b'Transfer-Encoding: chunked\r\n\r\n9\r\n{"templat\r\n',
}
SLOW = 20  # seconds that a busy machine may take for what is quick


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server with four threads."""
    with live.running(tmp_path_factory.mktemp("uploads"), "--no-demo", "--no-worker") as url:
        yield int(url.rpartition(":")[2])


def call(port: int, method: str, path: str, **more: Any) -> httpx2.Response:
    return httpx2.request(method, f"http://127.0.0.1:{port}{path}", timeout=SLOW, **more)


def stalled(port: int, stack: ExitStack, half: bytes, number: int) -> list[socket.socket]:
    """Clients that send half a body and wait."""
    made = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=SLOW)) for _ in range(number)]
    for one in made:
        one.sendall(half)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("half", HALVES)
def test_half_bodies_hold_up_nobody_who_asks(half: str, port: int):
    assert call(port, "PUT", "/v1/prompts/asked", json={"template_source": "Hi"}).is_success
    with ExitStack() as stack:
        ones = stalled(port, stack, HALVES[half], 12)
        for _ in range(5):
            assert call(port, "GET", "/v1/prompts/asked").status_code == 200
            assert call(port, "GET", "/v1/agents").status_code == 200
        time.sleep(uploads.PATIENCE)  # until the bodies count as slow
        refused = call(port, "PUT", "/v1/prompts/other", json={"template_source": "Hi"})
        assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (503, "busy", "1")
        # Three are waited for, the others are told at once.
        waiting, until = ones, time.monotonic() + SLOW
        while len(waiting) > 3 and time.monotonic() < until:
            waiting = [one for one in waiting if not answered(one)]
        assert len([one for one in waiting if not answered(one)]) == 3
        assert call(port, "GET", "/v1/prompts/other").status_code == 404
    until = time.monotonic() + SLOW
    while (answer := call(port, "PUT", "/v1/prompts/asked", json={"template_source": "Ho"})).status_code == 503:
        assert time.monotonic() < until
    assert answer.status_code == 200


def answered(client: socket.socket) -> bool:
    """Whether the server has said something; what it said is that it is busy."""
    client.settimeout(0.2)
    try:
        said = client.recv(4_096)
    except TimeoutError:
        return False
    assert said.startswith(b"HTTP/1.1 503 "), said
    return True


@pytest.mark.slow
def test_a_body_that_comes_in_pieces_is_read_whole(port: int):
    text = "x" * 100_000
    body = json.dumps({"template_source": text}).encode()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 20_000):
            time.sleep(0.02)
            yield body[start : start + 20_000]

    by_length = {"content": pieces(), "headers": {"Content-Length": str(len(body)), "Content-Type": "application/json"}}
    in_chunks = {"content": pieces(), "headers": {"Content-Type": "application/json"}}
    for name, sent in (("length", by_length), ("chunks", in_chunks)):
        assert call(port, "PUT", f"/v1/prompts/{name}", **sent).status_code == 201
        assert call(port, "GET", f"/v1/prompts/{name}/versions/1").json()["template_source"] == text


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="This system has no /proc/net/tcp.")
def test_the_system_asks_whether_a_silent_client_is_still_there(port: int):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(HALVES["length"])
        mine, timer = f"{client.getsockname()[1]:04X}", ""
        until = time.monotonic() + SLOW
        while not timer.startswith("02:") and time.monotonic() < until:
            rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
            timer = next(row[5] for row in rows if row[1].endswith(f":{port:04X}") and row[2].endswith(f":{mine}"))
        assert timer.startswith("02:"), timer  # keepalive
        assert int(timer[3:], 16) / os.sysconf("SC_CLK_TCK") <= uploads.ALIVE["TCP_KEEPIDLE"] + 1


class Input:
    """A body that comes in when it is let."""

    def __init__(self, body: bytes = b"{}") -> None:
        self.body, self.let, self.asked = body, threading.Event(), threading.Event()
        self.size = 0

    def read(self, size: int) -> bytes:
        self.size = size
        self.asked.set()
        assert self.let.wait(SLOW)
        return self.body


def ask(application: Any, given: Any, **more: str) -> tuple[str, bytes]:
    said: list[str] = []
    environ = {"wsgi.input": given, "wsgi.input_terminated": True, **more}
    body = application(environ, lambda status, headers: said.append(status))
    return said[0], b"".join(body)


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An application that gives the body back."""
    start_response("200 OK", [])
    return [environ["wsgi.input"].read(), b"|", environ["CONTENT_LENGTH"].encode()]


def test_who_comes_while_others_are_quick_waits_and_gets_its_turn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "PATIENCE", float(SLOW))
    application = Uploads(echo, at_once=1)
    first, found = Input(), []
    threads = [threading.Thread(target=lambda: found.append(ask(application, first, CONTENT_LENGTH="2")))]
    threads[0].start()
    assert first.asked.wait(SLOW)
    for _ in range(8):
        ready = BytesIO(b"{}")
        threads.append(
            threading.Thread(target=lambda given=ready: found.append(ask(application, given, CONTENT_LENGTH="2")))
        )
        threads[-1].start()
    first.let.set()
    for thread in threads:
        thread.join()
    assert found == [("200 OK", b"{}|2")] * 9


def test_who_comes_while_others_are_slow_is_told_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "PATIENCE", 0.0)
    application = Uploads(echo, at_once=1)
    first = Input()
    thread = threading.Thread(target=ask, args=(application, first), kwargs={"CONTENT_LENGTH": "2"})
    thread.start()
    assert first.asked.wait(SLOW)
    never = Input()
    assert ask(application, never, CONTENT_LENGTH="2") == ("503 Service Unavailable", uploads.BUSY)
    assert not never.asked.is_set()
    assert ask(application, never) == ("200 OK", b"|0")  # without a body nothing is waited for
    first.let.set()
    thread.join()
    assert ask(application, BytesIO(b"{}"), CONTENT_LENGTH="2") == ("200 OK", b"{}|2")


def test_a_place_is_given_back_when_a_read_fails():
    class Broken:
        def read(self, size: int) -> bytes:
            raise OSError("gone")

    application = Uploads(echo, at_once=1)
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            ask(application, Broken(), CONTENT_LENGTH="2")
    assert application.began == {}


@pytest.mark.parametrize(
    ("said", "size"),
    [({}, 0), ({"CONTENT_LENGTH": ""}, 0), ({"CONTENT_LENGTH": "-1"}, 0), ({"CONTENT_LENGTH": "7"}, 7),
     ({"CONTENT_LENGTH": "9" * 30}, BODY_LIMIT + 1), ({"HTTP_TRANSFER_ENCODING": "chunked"}, BODY_LIMIT + 1)],
)  # fmt: skip
def test_no_more_is_read_than_anybody_may_send(said: dict[str, str], size: int):
    assert uploads.coming(said) == size


def test_another_web_server_s_input_is_left_alone():
    given = Input()

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert environ["wsgi.input"] is given
        return []

    assert Uploads(application, at_once=1)({"wsgi.input": given, "CONTENT_LENGTH": "2"}, None) == []
