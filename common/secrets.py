"""What must not be seen: texts that show themselves to nobody who does not ask by name, and how they are kept.

At rest a secret is sealed by AES-256-GCM under a key of the operator's, which is not in the database (docs/adr/0015). A
seal names its key by an id, and opens only for the row and the address that it was made for.
"""

import base64
import hashlib
import os
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

SHORTEST = 32
NONCE = 12
VERSION = "v1"


class Secret:
    """A key or password. In a log, a traceback, a page or a repr it is only "(secret)"; `reveal` gives it."""

    __slots__ = ("__text",)

    def __init__(self, text: str = "") -> None:
        self.__text = text

    def reveal(self) -> str:
        """The text itself, for the one who hands it over."""
        return self.__text

    def hide_in(self, text: str) -> str:
        """`text` without this secret, wherever another side repeats it."""
        return text.replace(self.__text, str(self)) if self.__text else text

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __repr__(self) -> str:
        return "(secret)" if self.__text else "(none)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("A secret is not copied out of the process.")


class Unreadable(Exception):
    """A sealed secret that cannot be opened; says why in words for an admin."""


class SealedField(models.TextField):
    """A sealed secret, "" for none. Its model says by `sealed_for(field)` what the seal is bound to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"blank": True, "default": "", "editable": False, **kwargs})


def read_keys(texts: list[str]) -> list[Secret]:
    """The keys that the operator gives: the first seals, all of them open. Raises ImproperlyConfigured."""
    keys = [text.strip() for text in texts if text.strip()]
    if short := [number for number, key in enumerate(keys, 1) if len(key) < SHORTEST]:
        raise ImproperlyConfigured(
            f"PROMPTLEDGER_ENCRYPTION_KEY: key {short[0]} has less than {SHORTEST} characters. Make one by "
            "`openssl rand -base64 32`."
        )
    return [Secret(key) for key in keys]


def can_seal() -> bool:
    """Whether there is a key to seal with."""
    return bool(settings.ENCRYPTION_KEYS)


def seal(secret: Secret, bound_to: str) -> str:
    """Return the secret sealed under the first key. Raises ImproperlyConfigured where there is none."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not can_seal():
        raise ImproperlyConfigured("Set PROMPTLEDGER_ENCRYPTION_KEY first: without it no key can be kept.")
    key = _derived(settings.ENCRYPTION_KEYS[0].reveal())
    nonce = os.urandom(NONCE)
    sealed = nonce + AESGCM(key).encrypt(nonce, secret.reveal().encode(), bound_to.encode())
    return f"{VERSION}:{_id(key)}:{base64.urlsafe_b64encode(sealed).decode()}"


def unseal(sealed: str, bound_to: str) -> Secret:
    """Return what was sealed. Raises Unreadable: no such key, or changed, or sealed for something else."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    version, named, body = [*sealed.split(":", 2), "", ""][:3]
    key = next((found for found in map(_derived, _texts()) if _id(found) == named), None)
    if version != VERSION or key is None:
        raise Unreadable(
            f"it was encrypted under key {named or '(none)'}, which PROMPTLEDGER_ENCRYPTION_KEY does not hold"
        )
    try:
        raw = base64.urlsafe_b64decode(body)
        return Secret(AESGCM(key).decrypt(raw[:NONCE], raw[NONCE:], bound_to.encode()).decode())
    except (InvalidTag, ValueError):
        pass
    raise Unreadable("it was changed in the database, or copied there from another row")


def key_id(sealed: str) -> str:
    """The id of the key that a secret is sealed under."""
    return sealed.split(":", 2)[1] if sealed.count(":") >= 2 else ""


def present_key_id() -> str:
    """The id of the key that seals now, or ""."""
    return _id(_derived(settings.ENCRYPTION_KEYS[0].reveal())) if can_seal() else ""


def _texts() -> list[str]:
    return [key.reveal() for key in settings.ENCRYPTION_KEYS]


@cache
def _derived(text: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), length=32, salt=None, info=b"promptledger: secrets at rest").derive(text.encode())


def _id(key: bytes) -> str:
    return hashlib.sha256(b"promptledger: id of a key" + key).hexdigest()[:8]
