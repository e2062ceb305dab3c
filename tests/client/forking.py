"""A program that warms a client, forks, and tells what each child sees: run by test_forks.

    python forking.py URL CHILDREN TTL    on standard input: one line when the promotion has been made

Prints what each child saw: [source and version before, source and version after].
"""

import json
import os
import sys
import threading
import time

from promptledger_client import PromptLedger


def child(client: PromptLedger, ready: int, go: int, told: int, ttl: float) -> None:
    before = client.prompt("StanAgent", status_key="APPROVED")
    os.write(ready, b".")
    os.read(go, 1)
    time.sleep(ttl)
    after = client.prompt("StanAgent", status_key="APPROVED")
    said = [before.source, before.version, after.source, after.version]
    os.write(told, json.dumps(said).encode() + b"\n")


def main() -> None:
    url, children, ttl = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    client = PromptLedger(url, ttl=ttl, cache_dir=False, timeout=30, revalidate_timeout=30)
    client.prompt("StanAgent", status_key="APPROVED")
    # Threads of the parent are in the middle of a call when it forks: their questions are not the children's.
    threading.Thread(target=lambda: client.prompt("Slow", status_key="X", fallback="x"), daemon=True).start()
    time.sleep(0.05)
    ready, go, told = os.pipe(), os.pipe(), os.pipe()
    pids = []
    for _ in range(children):
        pid = os.fork()
        if pid == 0:
            child(client, ready[1], go[0], told[1], ttl)
            os._exit(0)
        pids.append(pid)
    for _ in pids:
        os.read(ready[0], 1)
    print("ready", flush=True)
    sys.stdin.readline()
    os.write(go[1], b"." * children)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    os.close(told[1])
    with os.fdopen(told[0]) as lines:
        seen = [json.loads(line) for line in lines]
    print(
        json.dumps({"codes": codes, "seen": seen, "parent": client.prompt("StanAgent", status_key="APPROVED").version})
    )


if __name__ == "__main__":
    main()
