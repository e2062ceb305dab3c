"""How many promotions to production a second?    .venv/bin/python -m benchmarks.promote [PROCESSES] [EACH]

Twice: every process on a prompt of its own, and all on the same one. Each promotion retires the version before it.
"""

import subprocess
import sys
import time

from benchmarks import scratch


def work(prompt_id: str, each: str) -> None:
    """Prepare so many versions in TST, say so, wait for the word, and promote them one by one."""
    import django

    django.setup()
    from django.db import transaction

    from ledger.actors import system
    from versions.models import PromptVersion
    from versions.seen import ANYTHING

    by = system("benchmark")
    first = PromptVersion.objects.select_related("prompt").filter(prompt=prompt_id).order_by("version")[0]
    with transaction.atomic():
        ready = [
            first.create_new(by=by, seen=ANYTHING).promote(by=by, to="TST", seen=ANYTHING) for _ in range(int(each))
        ]
    print("ready", flush=True)
    sys.stdin.readline()
    for version in ready:
        version.promote(by=by, to="PRD", seen=ANYTHING)


def measure(prompts: list[int], each: int) -> float:
    """Start a process for each prompt; return the promotions a second of all together."""
    command = [sys.executable, "-m", "benchmarks.promote", "work"]
    workers = [
        subprocess.Popen([*command, str(pk), str(each)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for pk in prompts
    ]
    for worker in workers:
        worker.stdout.readline()
    started = time.perf_counter()
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate()
    if any(worker.returncode for worker in workers):
        sys.exit("A worker failed.")
    return len(workers) * each / (time.perf_counter() - started)


def main(processes: int, each: int) -> None:
    """Measure both ways and print the figures."""
    scratch.prepare()
    from django.db import connection

    from ledger.actors import system
    from versions.models import Prompt

    made = [
        Prompt.create(by=system("benchmark"), name=f"benchmark-{n}", template_source="Hi {{ name }}").pk
        for n in range(processes + 1)
    ]
    own, shared = measure(made[1:], each), measure(made[:1] * processes, each)
    print(
        f"{connection.vendor}, {processes} processes: {own:,.0f} promotions/s on prompts of their own, "
        f"{shared:,.0f} promotions/s on the same prompt"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(*sys.argv[2:])
    else:
        main(*(int(word) for word in sys.argv[1:] or ("4", "250")))
