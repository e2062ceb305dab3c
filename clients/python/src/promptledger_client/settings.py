"""Where the ledger is, and how long to trust and to wait: from arguments, else from the environment."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

Value = TypeVar("Value")

BASE_URL = "http://127.0.0.1:8000"
TIMEOUT = 5.0
REVALIDATE_TIMEOUT = 1.0
TTL = 10.0
OFF = {"", "off", "none", "0", "false"}  # what switches a setting of the environment off


@dataclass(frozen=True)
class Settings:
    """All settings of a client. `Settings.load` makes them; see the table in the README."""

    base_url: str = BASE_URL
    api_key: str | None = field(default=None, repr=False)
    timeout: float = TIMEOUT
    revalidate_timeout: float = REVALIDATE_TIMEOUT
    ttl: float = TTL
    max_stale: float | None = None
    cache_dir: Path | None = None
    bundle: Path | None = None

    @classmethod
    def load(
        cls,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float | None = None,
        revalidate_timeout: float | None = None,
        ttl: float | None = None,
        max_stale: float | None = None,
        cache_dir: str | os.PathLike[str] | bool | None = None,
        bundle: str | os.PathLike[str] | None = None,
    ) -> "Settings":
        """Return the settings: an argument, else PROMPTLEDGER_…, else the default. Raises ValueError.

        `cache_dir=False` (or PROMPTLEDGER_CACHE_DIR=off) keeps nothing on disk.
        """
        return cls(
            base_url=checked_url(given(base_url, "PROMPTLEDGER_URL", str) or BASE_URL),
            api_key=checked_key(given(api_key, "PROMPTLEDGER_API_KEY", str)),
            timeout=seconds("timeout", given(timeout, "PROMPTLEDGER_TIMEOUT", float), TIMEOUT, above=0),
            revalidate_timeout=seconds(
                "revalidate_timeout",
                given(revalidate_timeout, "PROMPTLEDGER_REVALIDATE_TIMEOUT", float),
                REVALIDATE_TIMEOUT,
                above=0,
            ),
            ttl=seconds("ttl", given(ttl, "PROMPTLEDGER_TTL", float), TTL),
            max_stale=at_most(given(max_stale, "PROMPTLEDGER_MAX_STALE", float)),
            cache_dir=folder(cache_dir),
            bundle=one_file(given(bundle, "PROMPTLEDGER_BUNDLE", str)),
        )


def given(argument: Value | None, name: str, kind: Callable[[str], Any]) -> Any:
    """The argument, else what the environment says, else None. Raises ValueError that names the variable."""
    if argument is not None:
        return argument
    said = os.environ.get(name, "").strip()
    if said.lower() in OFF - {"0"}:
        return None
    try:
        return kind(said)
    except ValueError as error:
        raise ValueError(f"{name} must be a number, and is {said!r}.") from error


def seconds(name: str, value: float | None, default: float, *, above: float | None = None) -> float:
    """A length of time. Raises ValueError for a negative or endless one."""
    if value is None:
        return default
    if not isfinite(value) or value < 0 or (above is not None and value <= above):
        raise ValueError(f"{name} must be a number of seconds{' above 0' if above is not None else ''}: {value!r}.")
    return float(value)


def at_most(value: float | None) -> float | None:
    """The greatest age of a copy; None is without end."""
    return None if value is None else seconds("max_stale", value, 0)


def checked_url(url: str) -> str:
    """An http(s) address without a slash at its end. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"base_url must look like http://127.0.0.1:8000, and is {url!r}.")
    if "@" in parts.netloc:
        raise ValueError("base_url must not hold a user or a password: give the key as api_key.")
    if parts.netloc.endswith(":") or not (parts.port is None or 0 < parts.port < 65536):
        raise ValueError(f"base_url has no valid port: {url!r}.")
    return url.rstrip("/")


def checked_key(key: str | None) -> str | None:
    """A key that can stand in a header. Raises ValueError, which does not repeat the key."""
    if not key:
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("The API key holds a character that no key has (a space, a line's end?).")
    return key


def one_file(path: str | os.PathLike[str] | None) -> Path | None:
    """A file's path, or None."""
    return Path(path).expanduser() if path else None


def folder(argument: str | os.PathLike[str] | bool | None) -> Path | None:
    """Where copies are kept on disk; None keeps none."""
    if argument is False:
        return None
    if argument is None or argument is True:
        said = os.environ.get("PROMPTLEDGER_CACHE_DIR")
        if said is None:
            return of_the_user()
        return None if said.strip().lower() in OFF else Path(said.strip()).expanduser()
    return Path(argument).expanduser() if str(argument) else None


def of_the_user() -> Path | None:
    """The folder for a user's caches, as the system has it; None where the user has no home."""
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return base / "promptledger"
