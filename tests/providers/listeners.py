"""What listens on this machine for the guard's tests: a door that counts who came, and one that answers as told."""

import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Door:
    """A port on every address of this machine, IPv4 and IPv6; `came` are those who connected."""

    def __init__(self, answer: Callable[[socket.socket], None] | None = None) -> None:
        self.came: list[Any] = []
        self._answer = answer
        self._listening = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=256)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, peer = self._listening.accept()
            except OSError:
                return
            self.came.append(peer)
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            try:
                if self._answer:
                    self._answer(connection)
            except OSError:
                pass

    def close(self) -> None:
        self._listening.close()


@contextmanager
def door(answer: Callable[[socket.socket], None] | None = None) -> Iterator[Door]:
    """A door, closed afterwards."""
    opened = Door(answer)
    try:
        yield opened
    finally:
        opened.close()


def saying(*parts: bytes, before: Callable[[], None] = lambda: None) -> Callable[[socket.socket], None]:
    """Reads one request and says these parts, calling `before` ahead of each."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        for part in parts:
            before()
            connection.sendall(part)

    return answer


def certificate(folder: Path, *names: str) -> Path:
    """A certificate for these names that signs itself, with its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{names[0]}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def tls_door(pem: Path, names: list[str | None], heard: list[bytes]) -> Iterator[Door]:
    """A door with this certificate that notes the names it was asked for, and what it heard."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            heard.append(secured.recv(65_536))
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with door(answer) as opened:
        yield opened
