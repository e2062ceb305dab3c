"""The ledger that a command speaks to: address and key by options, else by the environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from promptledger_client.cli.ledger import Ledger
from promptledger_client.cli.stops import BadInput
from promptledger_client.settings import Settings

TIMEOUT = 60.0  # seconds; ten thousand prompts in one call take longer than one that an agent waits for

Connect = Callable[[], Ledger]


@contextmanager
def opened(arguments: argparse.Namespace) -> Iterator[Connect]:
    """Give what connects once it is asked to; what was opened is closed at the end."""
    with ExitStack() as stack:

        def connect() -> Ledger:
            settings = settings_of(arguments)
            from promptledger_client.transport import Transport  # with the network, which takes a while to load

            transport = Transport(settings)
            stack.callback(transport.close)
            return Ledger(transport, settings.base_url)

        yield connect


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The package's settings for this command line. Raises BadInput."""
    key = key_in(arguments.key_file) if arguments.key_file else None
    timeout = None if os.environ.get("PROMPTLEDGER_TIMEOUT", "").strip() else TIMEOUT
    try:
        return Settings.load(arguments.url, key, timeout=timeout)
    except ValueError as error:
        raise BadInput(str(error)) from error


def key_in(file: str) -> str:
    """Return the API key in a file. Raises BadInput."""
    try:
        key = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise BadInput(f"The key file {file} cannot be read: {why}.") from error
    if not key or len(key.split()) > 1:
        raise BadInput(f"The key file {file} must hold one API key and nothing else.")
    return key
