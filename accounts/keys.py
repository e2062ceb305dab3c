"""The form of an API key: `pl_live_<8 id><40 secret><6 checksum>`, told apart from a typo without the database."""

import hashlib
import re
import secrets
import zlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = re.compile(r"pl_live_([0-9A-Za-z]{8})_([0-9A-Za-z]{40})([0-9A-Za-z]{6})", re.ASCII)


def make() -> tuple[str, str]:
    """Return (prefix, key): the public id, and the whole key that is shown once (238 bits of secret)."""
    prefix = _random(8)
    secret = _random(40)
    return prefix, f"pl_live_{prefix}_{secret}{_checksum(prefix + secret)}"


def prefix_of(key: str) -> str | None:
    """Return the public id of a well-formed key, or None."""
    found = FORM.fullmatch(key)
    return found[1] if found and found[3] == _checksum(found[1] + found[2]) else None


def digest(key: str) -> str:
    """Return what is stored of a key. One fast hash is enough: nobody guesses 238 bits."""
    return hashlib.sha256(key.encode()).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    while len(digits) < 6:
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
