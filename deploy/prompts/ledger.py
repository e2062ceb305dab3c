"""The ledger over its HTTP API, with nothing but the standard library: what a workflow has (docs/api.md)."""

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

SECONDS = 60
TRIES = 4
FIRST_WAIT = 2.0
LATER = frozenset({429, 502, 503, 504})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class NoLedger(Exception):
    """No ledger answers, or it fails. The text is for people."""


class Refused(Exception):
    """The ledger refused; `status`, `code` and `body` say how."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(str(body.get("detail") or f"HTTP {status}"))
        self.status, self.body, self.code = status, body, str(body.get("code", ""))


class Unmoved(urllib.request.HTTPRedirectHandler):
    """A redirect would take the key elsewhere: the API makes none (SPEC 9)."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


@dataclass
class Ledger:
    """One ledger, asked as the user of a key."""

    url: str
    key: str = ""
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def of_environment(cls) -> "Ledger":
        """PROMPTLEDGER_URL and PROMPTLEDGER_API_KEY. Raises NoLedger where the address cannot be used."""
        url = os.environ.get("PROMPTLEDGER_URL", "").rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NoLedger(
                "Set PROMPTLEDGER_URL to the address of the ledger, for example https://prompts.example.com."
            )
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise NoLedger("PROMPTLEDGER_URL must begin with https: the key would be readable on the way.")
        return cls(url, os.environ.get("PROMPTLEDGER_API_KEY", ""))

    def get(self, *path: str, **query: Any) -> dict[str, Any]:
        """Read. Raises Refused, NoLedger."""
        return self.ask("GET", path, None, query)

    def find(self, *path: str) -> dict[str, Any] | None:
        """Read what may not be there."""
        try:
            return self.get(*path)
        except Refused as error:
            if error.status == http.client.NOT_FOUND:
                return None
            raise

    def all(self, *path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every row of a list, page by page."""
        page = 1
        while True:
            answer = self.get(*path, page=page, page_size=200, **query)
            yield from answer["results"]
            if not answer["next"]:
                return
            page += 1

    def send(self, method: str, *path: str, **body: Any) -> dict[str, Any]:
        """Write, once: an answer that is lost raises NoLedger, and the caller looks what became of it."""
        return self.ask(method, path, body, {})

    def ask(self, method: str, path: tuple[str, ...], body: Any, query: dict[str, Any]) -> dict[str, Any]:
        """Ask; what only reads is asked again when nobody answers."""
        url = f"{self.url}/v1/{'/'.join(quote(part, safe='') for part in path)}"
        url += f"?{urlencode(query)}" if query else ""
        wait = FIRST_WAIT
        for attempt in range(TRIES):
            try:
                return self.once(method, url, body)
            except NoLedger:
                if method != "GET" or attempt == TRIES - 1:
                    raise
            self.sleep(wait)
            wait *= 2
        raise AssertionError

    def once(self, method: str, url: str, body: Any) -> dict[str, Any]:
        """One request. Raises Refused for an answer that says no, NoLedger for none."""
        headers = {"Content-Type": "application/json", "User-Agent": "promptledger-deploy"}
        headers |= {"Authorization": f"Bearer {self.key}"} if self.key else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310  (of_environment)
        where = f"{method} {urlsplit(url).path}"
        try:
            with urllib.request.build_opener(Unmoved).open(request, timeout=SECONDS) as answer:
                return read(answer.read())
        except urllib.error.HTTPError as error:
            if error.code in LATER:
                raise NoLedger(f"{where}: HTTP {error.code}.") from error
            raise Refused(error.code, read(error.read())) from error
        except (OSError, http.client.HTTPException) as error:
            raise NoLedger(f"{where}: {error}") from error


def read(source: bytes) -> dict[str, Any]:
    """JSON, or what a proxy says instead of it."""
    try:
        found = json.loads(source or b"{}")
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"detail": source[:200].decode(errors="replace")}
