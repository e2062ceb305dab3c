"""Names of files for names of prompts, and writing them so that nothing is lost half-way or outside the folder."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from pathlib import Path

from promptledger_client.cli.stops import BadInput
from promptledger_client.disk import write_whole

# Names that Windows keeps for devices, whatever follows the first dot.
DEVICES = {"con", "prn", "aux", "nul", *(f"{device}{n}" for device in ("com", "lpt") for n in range(1, 10))}
SPECIAL = set('<>:"/\\|?*%')
LENGTH = 180  # bytes; every file system takes 255 with the ending and the sign of a doubled name


def file_name(prompt: str) -> str:
    """Return the name of a file for a prompt: one part of a path whatever the name is, without the ending.

    What a file system could take amiss is percent-encoded; a long name is cut and gets a sign of its own.
    """
    parts = [_plain(character) for character in prompt]
    if parts and parts[0] == ".":
        parts[0] = "%2E"
    if parts and parts[-1] in (".", " "):
        parts[-1] = f"%{ord(parts[-1]):02X}"
    name = "".join(parts) or "%"
    if prompt.split(".")[0].strip().lower() in DEVICES:
        name = f"%{name}"
    if len(name.encode()) > LENGTH:
        name = f"{name.encode()[:LENGTH].decode(errors='ignore').rstrip('%')}-{sign(prompt)}"
    return name


def _plain(character: str) -> str:
    if character in SPECIAL or unicodedata.category(character) in {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}:
        return "".join(f"%{byte:02X}" for byte in character.encode(errors="surrogatepass"))
    return character


def sign(prompt: str) -> str:
    """Eight characters that tell this name from others."""
    return hashlib.sha256(prompt.encode(errors="surrogatepass")).hexdigest()[:8]


def file_names(prompts: list[str], ending: str) -> dict[str, str]:
    """Return a file name for each prompt; two that some file systems take for the same get signs."""
    names = {prompt: file_name(prompt) for prompt in prompts}
    alike: dict[str, list[str]] = {}
    for prompt, name in names.items():
        alike.setdefault(unicodedata.normalize("NFC", name).casefold(), []).append(prompt)
    doubled = {prompt for group in alike.values() if len(group) > 1 for prompt in group}
    return {prompt: f"{name}-{sign(prompt)}{ending}" if prompt in doubled else f"{name}{ending}"
            for prompt, name in names.items()}  # fmt: skip


def write_file(path: Path, text: str) -> None:
    """Write a file: all of it or nothing, in place of what is there, a link included. Raises BadInput."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
        path.chmod(0o666 & ~mask())  # as any new file, where the copies of the cache are their owner's
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.") from error


def mask() -> int:
    """The permissions that new files do not get here."""
    now = os.umask(0o022)
    os.umask(now)
    return now
