"""A ledger on a real socket that serves prompts, and then misbehaves in one of many ways."""

import contextlib
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from promptledger_client.served import hash_of, sha256
from promptledger_client.templates import variables

from tests import live

TEXT = "Hello {{ name }}!"
AGENT, KEY = "StanAgent", "APPROVED"
HANGS = {"time-out", "drip", "drip head", "early hints"}  # the ways to misbehave that only a client's patience ends


def served(text: str | list[dict[str, str]] = TEXT, **said: Any) -> dict[str, Any]:
    """What a ledger serves of a prompt."""
    chat = isinstance(text, list)
    body = {
        "agent": AGENT, "prompt": f"{AGENT}.{KEY}", "status_key": KEY, "served_status_key": KEY, "version": 3,
        "label": "v3.0", "stage": "PRD", "type": "chat" if chat else "text", "template_format": "simple",
        "messages" if chat else "template_source": text, "config": {"model": "m"}, "variables": variables(text),
        "content_hash": "c", "deployed_at": "2025-12-01T10:00:00+00:00", **said,
    }  # fmt: skip
    return {"checksum_hash": hash_of(body), **body}


@dataclass
class Asked:
    """One request that came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    peer: int  # the port that it came from


@dataclass
class StubLedger:
    """Serves `prompts` by agent or by name, with ETag and 304; `mode` says how it misbehaves, "" is well."""

    tls: ssl.SSLContext | None = None
    prompts: list[dict[str, Any]] = field(default_factory=lambda: [served()])
    mode: str = ""
    seconds: float = 0.0  # that it takes for each answer
    asked: list[Asked] = field(default_factory=list)
    registered: list[dict[str, Any]] = field(default_factory=list)
    refusal: tuple[int, dict[str, Any]] | None = None
    refused_text: str | None = None  # a registration that holds it is refused
    port: int = 0

    def __post_init__(self) -> None:
        self.open: set[socket.socket] = set()
        self.listener: socket.socket | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, on the same port as before."""
        self.mode = ""
        self.port = self.port or live.free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def until_asked(self, times: int) -> None:
        """Wait for what a client has sent, and no longer waits for."""
        deadline = time.monotonic() + live.SECONDS
        while len(self.asked) < times and time.monotonic() < deadline:
            time.sleep(0.01)

    def misbehave(self, mode: str) -> None:
        """From now on, and on new connections only: the old ones are cut."""
        self.mode = mode
        if mode == "refused":
            self.stop()
        self.cut()

    def cut(self) -> None:
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Stop listening."""
        if self.listener is not None:
            with contextlib.suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        self.listener = None

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.open.add(connection)
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection: socket.socket) -> None:
        raw = connection
        try:
            if self.mode == "tls":
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                return
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            while self.answer(connection):
                pass
        except OSError:
            pass
        finally:
            self.open.discard(raw)
            with contextlib.suppress(OSError):
                connection.close()

    def answer(self, connection: socket.socket) -> bool:
        request = read(connection)
        if request is None:
            return False
        self.asked.append(request)
        if self.seconds:
            time.sleep(self.seconds)
        if self.mode:
            return self.misbehaved(connection, json.dumps(served()).encode())
        status, headers, body = self.good(request)
        connection.sendall(message(status, headers, body))
        return True

    def good(self, request: Asked) -> tuple[int, dict[str, str], bytes]:
        """The answer of a ledger that is well."""
        if self.refusal is not None:
            return self.refusal[0], {}, json.dumps(self.refusal[1]).encode()
        if request.path == "/v1/prompts/register-code":
            if self.refused_text in [item["template_source"] for item in request.body["prompts"]]:
                return 400, {}, b'{"detail": "Prompt text cannot be empty.", "code": "invalid"}'
            return 200, {}, json.dumps({"registered": self.register(request.body["prompts"])}).encode()
        found = self.find(request)
        if found is None:
            return 404, {}, json.dumps({"detail": "Nothing is live.", "code": "nothing_live"}).encode()
        body = json.dumps(found).encode()
        tag = f'"{sha256(body.decode())}"'
        if request.headers.get("if-none-match") == tag:
            return 304, {"ETag": tag}, b""
        return 200, {"ETag": tag}, body

    def register(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Take code's prompts as they are: the newest text of a slot is live."""
        results = []
        for item in items:
            slot = (item["agent"], item["status_key"])
            old = next((one for one in self.prompts if (one["agent"], one["status_key"]) == slot), None)
            same = old is not None and old["template_source"] == item["template_source"]
            version = old["version"] + (not same) if old else 1
            if old:
                self.prompts.remove(old)
            self.prompts.append(served(
                item["template_source"], agent=slot[0], prompt=".".join(slot), status_key=slot[1],
                served_status_key=slot[1], version=version, label=f"v{version}.0",
            ))  # fmt: skip
            self.registered.append(item)
            results.append({"name": ".".join(slot), "version": version, "change_detected": bool(old and not same)})
        return results

    def find(self, request: Asked) -> dict[str, Any] | None:
        parts = [unquote(part) for part in request.path.split("/")]
        if parts[2] == "agents":
            asked = request.query.get("status_key", "default")
            for key in (asked, "default", "NOT_REGISTERED"):
                for one in self.prompts:
                    if (one["agent"], one["served_status_key"]) == (parts[3], key):
                        return {**one, "status_key": asked}
            return None
        number = request.query.get("version")
        named = [one for one in self.prompts if one["prompt"] == parts[3]]
        return next((one for one in named if number in {None, str(one["version"])}), None)

    def misbehaved(self, connection: socket.socket, body: bytes) -> bool:
        """Answer as the mode says; whether the connection goes on."""
        if self.mode in {"tls", "refused"}:  # a connection that was open before
            return False
        if self.mode == "time-out":
            connection.recv(1)  # until the client gives up
            return False
        if self.mode in HANGS:
            slowly(connection, self.mode, message(200, {}, body))
            return False
        if self.mode == "cut off":
            connection.sendall(message(200, {}, body)[: -len(body) // 2])
            return False
        if self.mode == "no HTTP":
            connection.sendall(b"\x00\x16\xff garbage\r\n\r\n")
            return False
        status, headers, said = self.wrong(body)
        connection.sendall(message(status, headers, said))
        return True

    def wrong(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The answer of a ledger that answers, and wrongly."""
        if self.mode.isdigit():
            retry = {"Retry-After": "120"} if self.mode == "429" else {}
            return int(self.mode), retry, b'{"detail": "Not now.", "code": "later"}'
        bodies: dict[str, bytes] = {
            "garbage": b"\x80\x81<html>" + bytes(range(128, 255)),
            "wrong type": b'{"status": "ok", "version": "3"}',
            "a list": b"[1, 2]",
            "deep": b"[" * 200_000,
            "another prompt": json.dumps(served(agent="Other", prompt="Other.APPROVED")).encode(),
            "another key": json.dumps(served(status_key="BLOCKED")).encode(),
            "a draft": json.dumps(served(stage="DEV")).encode(),
            "changed text": json.dumps({**served(), "template_source": "Evil {{ name }}"}).encode(),
        }
        answers: dict[str, tuple[int, dict[str, str], bytes]] = {
            "gzip": (200, {"Content-Encoding": "gzip"}, body),
            "redirect": (302, {"Location": "http://127.0.0.1:1/"}, b""),
            "proxy 404": (404, {"Content-Type": "text/html"}, b"<h1>default backend - 404</h1>"),
            "not modified": (304, {}, b""),
            "no content": (204, {}, b""),
        }
        return answers[self.mode] if self.mode in answers else (200, {}, bodies[self.mode])


def slowly(connection: socket.socket, mode: str, whole: bytes) -> None:
    """Send a good answer, or what goes before one, so slowly that nobody should wait for its end."""
    head, _, body = whole.partition(b"\r\n\r\n")
    first, pieces = {
        "drip": (head + b"\r\n\r\n", [bytes([byte]) for byte in body]),
        "drip head": (b"", [bytes([byte]) for byte in whole]),
        "early hints": (b"", [b"HTTP/1.1 103 Early Hints\r\n\r\n"] * 200),
    }[mode]
    connection.sendall(first)
    for piece in pieces:
        connection.sendall(piece)
        time.sleep(0.05)


def read(connection: socket.socket) -> Asked | None:
    """Read one request; None where the peer has gone."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = connection.recv(65_536)
        if not piece:
            return None
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65_536)
    method, target, _ = first.split(" ")
    parts = urlsplit(target)
    return Asked(
        method,
        parts.path,
        dict(parse_qsl(parts.query)),
        headers,
        json.loads(body) if body else None,
        connection.getpeername()[1],
    )


def message(status: int, headers: dict[str, str], body: bytes) -> bytes:
    """An answer as bytes."""
    said = {
        "Content-Type": "application/json",
        **({} if status in {204, 304} else {"Content-Length": str(len(body))}),
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + (b"" if status in {204, 304} else body)
