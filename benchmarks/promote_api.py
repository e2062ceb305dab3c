"""Promotions to production a second, over the API.    python -m benchmarks.promote_api [CONNECTIONS] [EACH] [WORKERS]

Beside each other on one server: ours (key, rules, gate, ledger, chain), every connection on a prompt of its own and all
on the same one; and the plain way, a Django view that moves two rows in a transaction and neither asks nor writes
anything else. Only ratios within one run mean anything; beside other work the CPU that the server took is steadiest.
"""

import http.client
import json
import os
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import scratch


def load() -> Any:
    """PromptLedger with one more view: what a move costs without any rule."""
    wsgi = import_module("promptledger.wsgi")  # sets Django up
    urls = import_module("promptledger.urls")
    from django.db import transaction
    from django.http import HttpRequest, JsonResponse
    from django.urls import path
    from django.utils import timezone
    from django.views.decorators.csrf import csrf_exempt

    from versions.models import Prompt, PromptVersion

    @csrf_exempt
    def plain(request: HttpRequest, number: int) -> JsonResponse:
        json.loads(request.body)
        with transaction.atomic():
            version = PromptVersion.objects.get(pk=number)
            Prompt.objects.select_for_update(no_key=True).get(pk=version.prompt_id)
            now = timezone.now()
            PromptVersion.objects.filter(prompt=version.prompt_id, stage="PRD").update(stage="RET", retired_at=now)
            PromptVersion.objects.filter(pk=number).update(stage="PRD", deployed_at=now)
        return JsonResponse({"stage": "PRD"})

    urls.urlpatterns.insert(0, path("v1/plain/<int:number>", plain))
    return wsgi.application


if __name__ != "__main__":
    application = load()


def waiting(prompts: int, each: int) -> list[list[tuple[str, str]]]:
    """For each of so many new prompts the addresses of so many versions in TST: ours, and the plain one."""
    from django.db import transaction

    from ledger.actors import system
    from versions.models import Prompt
    from versions.seen import ANYTHING

    by, made = system("benchmark"), []
    for number in range(prompts):
        with transaction.atomic():
            prompt = Prompt.create(by=by, name=f"promoted-{time.time_ns()}-{number}", template_source="Hi {{ name }}")
            first = prompt.versions.get()
            versions = [
                first.create_new(by=by, seen=ANYTHING).promote(by=by, to="TST", seen=ANYTHING) for _ in range(each)
            ]
        made.append([(f"/v1/prompts/{prompt.name}/versions/{v.label}/promote", f"/v1/plain/{v.pk}") for v in versions])
    return made


def rate(port: int, key: str, lists: list[list[str]]) -> tuple[float, float]:
    """Post each list over a connection of its own, all at once. Returns posts a second, and the median in ms."""
    took: list[float] = []
    wrong: list[str] = []

    def post(paths: list[str]) -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"X-API-Key": key, "Content-Type": "application/json"}
        for path in paths:
            started = time.perf_counter()
            line.request("POST", path, json.dumps({"to": "PRD"}), headers)
            answer = line.getresponse()
            said = answer.read()
            took.append(time.perf_counter() - started)
            if answer.status != 200:
                wrong.append(f"{path}: {answer.status} {said[:200]!r}")

    threads = [threading.Thread(target=post, args=(paths,)) for paths in lists]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        sys.exit(f"{len(wrong)} were refused, the first: {wrong[0]}")
    return len(took) / (time.perf_counter() - started), sorted(took)[len(took) // 2] * 1000


def cpu(group: int) -> float:
    """Seconds of CPU that the processes of a group have taken."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        with suppress(ProcessLookupError, FileNotFoundError):  # of others that ended meanwhile
            if entry.name.isdigit() and os.getpgid(int(entry.name)) == group:
                ticks += sum(map(int, (entry / "stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def main(connections: int, each: int, workers: int) -> None:
    """Measure in turns, twice, and print the better of each."""
    scratch.prepare()
    from django.contrib.auth.models import User
    from django.db import connection

    from accounts.models import ApiKey
    from benchmarks.serving import PORT, serving
    from ledger.actors import system

    user = User.objects.create_superuser("benchmark")
    key = ApiKey.issue(user=user, by=system("benchmark"), name="b", scopes=["read", "write", "promote"])[1]
    own, shared = "prompts of their own", "one prompt"
    best: dict[str, tuple[float, float, float]] = {}
    with serving(workers, "benchmarks.promote_api:application") as server:
        for _ in range(2):
            for name, prompts in ((own, connections), (shared, 1)):
                for way, place in (("plain", 1), ("ours", 0)):
                    made = waiting(prompts, each * connections // prompts)
                    every = [pair[place] for versions in zip(*made, strict=True) for pair in versions]
                    before = cpu(server.pid)
                    found = rate(PORT, key, [every[n::connections] for n in range(connections)])
                    found = (*found, (cpu(server.pid) - before) * 1000 / len(every))
                    best[f"{way}, {name}"] = max(best.get(f"{way}, {name}", (0.0, 0.0, 0.0)), found)
    print(f"{connection.vendor}, {connections} connections, {workers} workers, promotions to production:")
    for name, (number, median, taken) in best.items():
        print(f"  {name:28} {number:7,.0f}/s   median {median:6.1f} ms   CPU {taken:5.2f} ms each")
    for name in (own, shared):
        print(f"  ours to plain, {name}: {best[f'ours, {name}'][0] / best[f'plain, {name}'][0]:.0%}")


if __name__ == "__main__":
    main(*(int(word) for word in [*sys.argv[1:], *("4", "100", "4")[len(sys.argv) - 1 :]]))
