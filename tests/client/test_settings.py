"""Settings by argument, else by the environment; what cannot be is refused at once, and the package is what it says."""

import inspect
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import promptledger_client
import pytest
from promptledger_client import Settings
from promptledger_client.backoff import Backoff
from promptledger_client.replies import Reply

PACKAGE = Path(__file__).resolve().parent.parent.parent / "clients/python"


@pytest.fixture(autouse=True)
def without_the_patience_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a person's settings nothing is left here."""
    for name in ("TIMEOUT", "REVALIDATE_TIMEOUT"):
        monkeypatch.delenv(f"PROMPTLEDGER_{name}")


def test_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("PROMPTLEDGER_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Settings.load() == Settings(
        base_url="http://127.0.0.1:8000", api_key=None, timeout=5, revalidate_timeout=1, ttl=10, max_stale=None,
        cache_dir=tmp_path / "promptledger", bundle=None,
    )  # fmt: skip


def test_the_environment_and_what_goes_before_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    said = {
        "URL": "https://ledger.example/base/", "API_KEY": "pl_1", "TIMEOUT": "2.5", "REVALIDATE_TIMEOUT": "0.5", "TTL": "0",
        "MAX_STALE": "3600", "CACHE_DIR": str(tmp_path / "c"), "BUNDLE": str(tmp_path / "b.json"),
    }  # fmt: skip
    for name, value in said.items():
        monkeypatch.setenv(f"PROMPTLEDGER_{name}", value)
    assert Settings.load() == Settings(
        "https://ledger.example/base", "pl_1", 2.5, 0.5, 0.0, 3600.0, tmp_path / "c", tmp_path / "b.json"
    )
    chosen = Settings.load(
        "http://[::1]:81", "pl_2", timeout=1, revalidate_timeout=1, ttl=1, max_stale=1, cache_dir=tmp_path
    )
    assert chosen == Settings("http://[::1]:81", "pl_2", 1, 1, 1, 1, tmp_path, tmp_path / "b.json")
    assert Settings.load(cache_dir=False).cache_dir is None


@pytest.mark.parametrize("off", ["off", "", "None", "0", "false"])
def test_copies_on_disk_can_be_switched_off(off: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PROMPTLEDGER_CACHE_DIR", off)
    assert Settings.load().cache_dir is None


@pytest.mark.parametrize(
    "said",
    [
        {"base_url": "127.0.0.1:8000"}, {"base_url": "ftp://x"}, {"base_url": "http://"}, {"base_url": "http://x:"},
        {"base_url": "http://x:99999"}, {"base_url": "http://u:p@x"}, {"base_url": "http://x?y"}, {"base_url": "http://x#y"},
        {"api_key": "pl 1"}, {"api_key": "pl\n1"}, {"api_key": "plé"}, {"timeout": 0}, {"timeout": -1}, {"ttl": -1},
        {"timeout": float("nan")}, {"ttl": float("inf")}, {"max_stale": -1}, {"revalidate_timeout": 0},
    ],
    ids=repr,
)  # fmt: skip
def test_what_cannot_be_is_refused(said: dict[str, Any]):
    with pytest.raises(ValueError, match=r".") as caught:
        Settings.load(**said)
    assert "pl" not in str(caught.value).replace("PromptLedger", "")


def test_a_number_in_the_environment_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PROMPTLEDGER_TTL", "soon")
    with pytest.raises(ValueError, match="PROMPTLEDGER_TTL must be a number, and is 'soon'"):
        Settings.load()


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7), (" 7 ", 7), ("", None), ("soon", None), ("-1", None), ("²", None), ("Fri, 01 Jan 1999 00:00:00 GMT", 0)],
)
def test_retry_after_is_read_as_a_number_or_as_a_date(said: str, seconds: float | None):
    assert Reply(429, {"retry-after": said}, b"").retry_after == seconds


def test_a_server_is_left_alone_twice_as_long_each_time_and_never_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("promptledger_client.backoff.monotonic", lambda: 1000.0)
    monkeypatch.setattr("promptledger_client.backoff.uniform", lambda low, high: high)
    backoff, waits = Backoff(), []
    for _ in range(7):
        backoff.failed(OSError())
        waits.append(backoff.until - 1000)
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    for asked, kept in ((0, 1), (60, 60), (86_400, 300)):
        backoff.failed(OSError(), asked)
        assert backoff.until - 1000 == kept
    backoff.ok()
    assert backoff.waits is False


def test_the_package_is_what_it_says():
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    assert (project["name"], project["version"]) == ("promptledger-client", promptledger_client.__version__)
    assert project["dependencies"] == ["httpx2>=2"]
    assert project["requires-python"] == ">=3.10"
    assert project["scripts"] == {"promptledger": "promptledger_client.cli:main"}
    assert (PACKAGE / "src/promptledger_client/py.typed").is_file()


def test_the_readme_names_every_setting_and_every_source():
    readme = (PACKAGE / "README.md").read_text()
    for name in inspect.signature(Settings.load).parameters:
        variable = "URL" if name == "base_url" else name.upper()
        assert f"| `{name}` | `PROMPTLEDGER_{variable}` |" in readme
    for source in ("fresh", "revalidated", "memory", "stale", "disk", "bundled", "fallback"):
        assert f"`{source}`" in readme


def test_every_name_of_the_package_is_there():
    for name in promptledger_client.__all__:
        assert getattr(promptledger_client, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        promptledger_client.nothing  # noqa: B018
    for name, module in promptledger_client.LIVES_IN.items():
        assert getattr(import_module(f"promptledger_client.{module}"), name) is getattr(promptledger_client, name)
