"""The signing key of an installation that was not given one."""

import os
import secrets
import tempfile
from pathlib import Path


def read_or_make(path: Path) -> str:
    """Return the key kept in `path`; make it, readable by its owner alone, the first time.

    Written aside and linked into place, so that processes that start together all read the same whole key.
    """
    if not path.exists():
        descriptor, aside = tempfile.mkstemp(dir=path.parent)  # 0600 from the start
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            Path(aside).unlink()
    return path.read_text().strip()
