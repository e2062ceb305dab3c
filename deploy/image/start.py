"""What a container does: `web`, `worker`, `migrate`, `load`, or any command of manage.py.

docker run … promptledger web
docker run … promptledger load --dry-run
docker run … promptledger createsuperuser
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MANAGE = [sys.executable, str(ROOT / "manage.py")]
PARTS = {
    "web": ["up", "--mode", "server", "--host", "0.0.0.0", "--no-worker"],  # noqa: S104  (a container has its own network)
    "worker": ["worker"],
    "migrate": ["migrate", "--no-input"],
}


def own_addresses() -> list[str]:
    """The addresses of this container: load balancers ask for its health by them, as no name is known to them."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    except OSError:
        return []
    return sorted({str(address[4][0]) for address in found})


def command(part: str, *more: str) -> list[str]:
    """The command line of a part, or of a command of manage.py."""
    return [*MANAGE, *PARTS.get(part, [part]), *more]


def load(*more: str) -> list[str]:
    """Check the tree of prompts that came with the image, or is mounted; return the command that imports it.

    Ends the process with the checks' own exit code when they find anything.
    """
    tree = os.environ.get("PROMPTLEDGER_PROMPTS") or str(ROOT / "prompts")
    if not Path(tree).is_dir():
        sys.exit(f"There is no {tree}. Mount a tree of prompts there, or name one by PROMPTLEDGER_PROMPTS.")
    checked = subprocess.run([*MANAGE, "validate_prompt", tree], check=False)
    if checked.returncode:
        sys.exit(checked.returncode)
    return [*MANAGE, "import_prompts", tree, *more]


def main(arguments: list[str]) -> None:
    """Become what was asked for: the process is replaced, so that signals reach it."""
    part, *more = arguments or ["web"]
    if part == "web" and (hosts := os.environ.get("ALLOWED_HOSTS")):
        os.environ["ALLOWED_HOSTS"] = ",".join([hosts, *own_addresses()])
    line = load(*more) if part == "load" else command(part, *more)
    os.execv(line[0], line)  # noqa: S606  (no shell)


if __name__ == "__main__":
    main(sys.argv[1:])
