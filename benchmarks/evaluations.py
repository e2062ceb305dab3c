"""How close does an evaluation come to the time that its provider takes? (P11)

    .venv/bin/python -m benchmarks.evaluations [EXAMPLES] [ROUNDS]

Examples at 50 ms a call, 32 in flight, every result stored, from the claim to the verdict; against the ideal, the same
number of threads that sleep as often, in the same run. Rounds take turns; each figure is the median of its rounds. Then
a worker is killed in the middle of a run, and another carries it to its end: what is lost, what is there twice.

Where promptfoo is installed (PROMPTFOO names its program), the same examples are evaluated by it, in the same run.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import scratch

SECONDS = 0.05
AT_ONCE = 32
PROVIDER = "benchmarks.evaluations.Sleeper"


class Sleeper:
    """A provider that takes its time; in a file it writes down what it was asked, where there is one."""

    name = "sleeper"

    def complete(self, prompt: Any, *, idempotency_key: str = "", **asked: Any) -> Any:
        """The prompt itself, 50 ms later."""
        from executions.providers import Answer

        if path := os.environ.get("SLEEPER_CALLS"):
            with Path(path).open("a") as file:
                file.write(f"{idempotency_key}\n")
        time.sleep(SECONDS)
        return Answer(prompt, 1, 1)


def settle() -> None:
    """Settings of this program and of the workers that it starts."""
    os.environ["PROMPTLEDGER_PROVIDERS"] = f"sleeper={PROVIDER}"
    os.environ["EVALUATION_AT_ONCE"] = str(AT_ONCE)
    os.environ["EXECUTION_LEASE_SECONDS"] = "3"


def version_with(examples: int) -> Any:
    """A version in TST with so many examples."""
    from evaluations import datasets, policy
    from evaluations.items import Item
    from ledger.actors import system
    from versions.models import Prompt
    from versions.seen import ANYTHING

    by = system("benchmark")
    prompt = Prompt.create(by=by, name="evaluated", template_source="Hello {{ name }}", description="Greets.",
                           metadata={"inputs": ["name"], "outputs": ["text"]})  # fmt: skip
    asked = {"threshold": 0.85, "provider": "sleeper", "auto_evaluate": False, "max_error_rate": 0}
    prompt = prompt.change(by=by, evaluation=policy.merged(prompt, asked))
    rows = [Item(f"ex-{n}", {"name": f"n{n}"}, {"value": f"Hello n{n}"}) for n in range(examples)]
    datasets.replace(prompt, by=by, examples=rows)
    return prompt.versions.get().promote(by=by, to="TST", seen=ANYTHING)


def timed(do: Callable[[], Any]) -> float:
    """How many seconds it takes."""
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def ideal(examples: int) -> None:
    """So many threads that sleep, and nothing else."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda _: time.sleep(SECONDS), range(examples)))


def evaluate(version: Any) -> None:
    """One run, from the claim to the verdict."""
    from evaluations import running, starting
    from ledger.actors import system

    run = starting.start(version, by=system("benchmark"))
    done = running.work(run.pk)
    assert done is not None
    assert (done.verdict, done.results.count()) == ("pass", done.examples)


def killed(version: Any, examples: int) -> tuple[int, int, int]:
    """Kill a worker in the middle of a run. Returns how many results are lost, there twice, and paid twice."""
    from evaluations import starting
    from evaluations.models import EvaluationRun
    from ledger.actors import system

    with tempfile.TemporaryDirectory() as folder:
        os.environ["SLEEPER_CALLS"] = str(Path(folder) / "calls")
        Path(os.environ["SLEEPER_CALLS"]).touch()
        run = starting.start(version, by=system("benchmark"), repeat=3)
        command = [sys.executable, "manage.py", "worker", "--poll", "0.05"]
        first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while run.results.count() < examples:
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
        first.wait()
        second = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while EvaluationRun.objects.get(pk=run.pk).status in ("queued", "running"):
            time.sleep(0.1)
        second.terminate()
        second.wait()
        calls = Path(os.environ["SLEEPER_CALLS"]).read_text().split()
    places = list(run.results.values_list("position", "repeat"))
    assert EvaluationRun.objects.get(pk=run.pk).verdict == "pass"
    return examples * 3 - len(set(places)), len(places) - len(set(places)), len(calls) - len(set(calls))


def promptfoo(program: str, examples: int) -> float:
    """The same by promptfoo: a provider of its own kind that sleeps as long, an assertion of equality, 32 at once."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        wait = f"await new Promise(done => setTimeout(done, {SECONDS * 1000}));"
        answer = f"async callApi(prompt) {{ {wait} return {{ output: prompt }} }}"
        provider = f"module.exports = class {{ id() {{ return 'sleeper' }} {answer} }}"
        (here / "sleeper.js").write_text(provider)
        tests = [{"vars": {"name": f"n{n}"}, "assert": [{"type": "equals", "value": f"Hello n{n}"}]}
                 for n in range(examples)]  # fmt: skip
        config = {"prompts": ["Hello {{name}}"], "providers": ["file://sleeper.js"], "tests": tests}
        (here / "promptfooconfig.json").write_text(json.dumps(config))
        quiet = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_CONFIG_DIR": folder}
        command = [program, "eval", "-c", "promptfooconfig.json", "-j", str(AT_ONCE), "--no-cache", "--no-table",
                   "--no-progress-bar", "-o", "out.json"]  # fmt: skip
        took = timed(lambda: subprocess.run(command, cwd=here, env={**os.environ, **quiet}, capture_output=True))
        stats = json.loads((here / "out.json").read_text())["results"]["stats"]
        assert stats["successes"] == examples, stats
    return took


def main(examples: int, rounds: int) -> None:
    """Measure, and print the figures."""
    settle()
    scratch.prepare()
    from django.db import connection

    version = version_with(examples)
    evaluate(version)  # what is imported, compiled and connected once
    program = os.environ.get("PROMPTFOO", "")
    ours, best, theirs = [], [], []
    for _ in range(rounds):
        best.append(timed(lambda: ideal(examples)))
        ours.append(timed(lambda: evaluate(version)))
        if program:
            theirs.append(promptfoo(program, examples))
    ratio = median(one / other for one, other in zip(ours, best, strict=True))
    how = f"{connection.vendor}: {examples} examples at {SECONDS * 1000:.0f} ms, {AT_ONCE} at once"
    print(f"{how}: {median(ours):.3f} s, the ideal {median(best):.3f} s: {ratio:.2f} times")
    if theirs:
        print(f"promptfoo {median(theirs):.2f} s: ours takes {median(ours) / median(theirs):.3f} of it")
    lost, twice, paid = killed(version, examples)
    print(f"A worker killed in the middle: {lost} lost, {twice} there twice, {paid} asked twice")


if __name__ == "__main__":
    main(*(int(word) for word in (*sys.argv[1:], *("200", "7")[len(sys.argv) - 1 :])))
