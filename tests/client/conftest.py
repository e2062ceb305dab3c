"""Ledgers that misbehave, certificates to trust, and the two clients asked in one way."""

import asyncio
import datetime
import ipaddress
import logging
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from promptledger_client import AsyncPromptLedger, Prompt, PromptLedger, aio, backoff, client, keeper, transport

from tests.client.ledgers import AGENT, HANGS, KEY, StubLedger

Ask = Callable[..., Prompt]


@pytest.fixture(autouse=True)
def of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads a person's settings, nor writes to a person's cache."""
    for name in ("URL", "API_KEY", "TTL", "MAX_STALE", "BUNDLE"):
        monkeypatch.delenv(f"PROMPTLEDGER_{name}", raising=False)
    # A busy machine is slow, and a ledger that answers must never look like one that hangs: see `with_patience`.
    for name in ("TIMEOUT", "REVALIDATE_TIMEOUT"):
        monkeypatch.setenv(f"PROMPTLEDGER_{name}", "30")
    monkeypatch.setenv("PROMPTLEDGER_CACHE_DIR", str(tmp_path / "cache"))
    logging.getLogger("promptledger_client").setLevel(logging.INFO)


@pytest.fixture
def stub() -> Iterator[StubLedger]:
    """A ledger that is well, until told otherwise."""
    made = StubLedger()
    yield made
    made.stop()
    made.cut()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 with its key, in one file, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(signed.public_bytes(encoding) + private)
    return path


@pytest.fixture
def tls_stub(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubLedger]:
    """A ledger behind TLS whose certificate is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    transport.trusted.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    made = StubLedger(tls=context)
    yield made
    made.stop()
    made.cut()
    transport.trusted.cache_clear()


def with_patience(client: Any, seconds: float) -> Any:
    """The client, with other limits of time from now on."""
    limits = replace(client.settings, timeout=seconds, revalidate_timeout=seconds)
    client.settings = client.transport.settings = client._keeper.settings = limits
    return client


class Asker:
    """Either client, asked from plain code; every AsyncPromptLedger here lives in one event loop."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.loop = asyncio.new_event_loop() if kind == "async" else None

    def client(self, url: str, **settings: Any) -> Any:
        made = PromptLedger if self.loop is None else AsyncPromptLedger
        return made(url, **{"ttl": 0, **settings})

    def hurry(self, client: Any, fault: str = "time-out") -> Any:
        """The client, with little patience from now on where the ledger hangs."""
        return with_patience(client, 0.3) if fault in HANGS else client

    def run(self, found: Any) -> Any:
        return found if self.loop is None else self.loop.run_until_complete(found)

    def __call__(self, client: Any, agent: str | None = AGENT, **said: Any) -> Any:
        key = {"status_key": KEY} if agent is not None and "status_key" not in said else {}
        return self.run(client.prompt(agent, **key, **said))


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Iterator[Asker]:
    """`ask(ask.client(url))` gives the prompt that is live, by the sync and by the async client."""
    made = Asker(request.param)
    yield made
    if made.loop is not None:
        made.loop.run_until_complete(made.loop.shutdown_default_executor())
        made.loop.close()


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that failed is asked again after 50 ms."""
    monkeypatch.setattr(backoff, "FIRST", 0.05)
    monkeypatch.setattr(backoff, "LONGEST", 0.05)


@pytest.fixture
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that failed is left alone for as long as a test takes."""
    monkeypatch.setattr(backoff, "FIRST", 600.0)
    monkeypatch.setattr(backoff, "LONGEST", 600.0)


class Clock:
    """The client's monotonic clock, put forward by hand alone: how long a test takes is not seen."""

    def __init__(self) -> None:
        self.began, self.ahead = time.monotonic(), 0.0

    def __call__(self) -> float:
        return self.began + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """`clock.ahead += 60`: a minute later for every client."""
    made = Clock()
    for module in (client, aio, keeper, backoff):
        monkeypatch.setattr(module, "monotonic", made)
    return made
