"""The client's package: built, put into a clean environment, and what it says of itself."""

import email
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import httpx2
import pytest
from promptledger_client import __version__

from tests import live

PACKAGE = live.ROOT / "clients" / "python"
NOT_HERE = ("Could not find a version", "No matching distribution", "Temporary failure", "Connection", "timed out")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of what git knows of the package; a work tree keeps no traces of building."""
    folder = tmp_path_factory.mktemp("wheel")
    for file in PACKAGE.rglob("*"):
        if file.is_file() and not {"__pycache__", "build"} & set(file.parts) and ".egg-info" not in str(file):
            copy = folder / "source" / file.relative_to(PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(folder), str(folder / "source")]
    done = subprocess.run(build, capture_output=True, text=True)
    if done.returncode and any(why in done.stderr for why in NOT_HERE):
        pytest.skip("The tool that builds packages cannot be fetched here")
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.mark.slow
def test_the_wheel_says_what_it_is_and_needs_one_other_package(wheel: Path):
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        said = email.message_from_bytes(packed.read(metadata))
    assert (said["Name"], said["Requires-Python"], said["License-Expression"]) == (
        "promptledger-client",
        ">=3.10",
        "MIT",
    )
    needed = [one for one in said.get_all("Requires-Dist", []) if "extra ==" not in one]
    assert needed == ["httpx2>=2"]
    assert "promptledger_client/py.typed" in names
    assert any(name.endswith("/LICENSE") for name in names)
    sources = {f"promptledger_client/{file.relative_to(PACKAGE / 'src/promptledger_client').as_posix()}"
               for file in (PACKAGE / "src/promptledger_client").rglob("*.py")}  # fmt: skip
    assert sources == {name for name in names if name.endswith(".py")}  # all of it, and no tests


@pytest.mark.slow
def test_in_a_clean_environment_it_imports_and_has_its_command(wheel: Path, tmp_path: Path):
    venv.create(tmp_path / "clean", with_pip=False)
    clean = tmp_path / "clean" / "bin"
    install = [sys.executable, "-m", "pip", "--python", str(clean / "python"), "install", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    # Its one dependency, from the environment of the tests.
    environ = {"PYTHONPATH": str(Path(httpx2.__file__).parent.parent), "PATH": "", "HOME": str(tmp_path),
               "PROMPTLEDGER_URL": "http://127.0.0.1:9"}  # fmt: skip
    asks = "from promptledger_client import *; print(PromptLedger(cache_dir=False).prompt('A', fallback='Hi').render())"
    for command, expected in (
        ([clean / "promptledger", "--version"], f"promptledger {__version__}\n"),
        ([clean / "python", "-c", asks], "Hi\n"),
    ):
        done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, expected), done.stderr


def test_the_license_is_that_of_the_project():
    assert (PACKAGE / "LICENSE").read_bytes() == (live.ROOT / "LICENSE").read_bytes()
