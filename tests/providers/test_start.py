"""What the start costs: no library of a vendor is loaded before a model is asked."""

import subprocess
import sys

import pytest

from tests import live

LIBRARIES = ("openai", "anthropic", "httpx2", "httpcore2", "genai_prices", "pydantic")
LOADED = f"import sys; print([name for name in {LIBRARIES!r} if name in sys.modules])"


@pytest.mark.parametrize("start", [
    "import promptledger.wsgi",
    "import django; django.setup(); from django.urls import get_resolver; get_resolver().url_patterns",
    "import django; django.setup(); from executions import providers, running; import executions.models",
])  # fmt: skip
def test_the_start_loads_no_library_of_a_vendor(tmp_path, start):
    environ = live.environment(tmp_path, DJANGO_SETTINGS_MODULE="promptledger.settings", PROMPTLEDGER_LOCAL="1")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{start}; {LOADED}"], cwd=live.ROOT, env=environ, capture_output=True, text=True
    )  # fmt: skip
    assert (done.stdout.strip().splitlines()[-1:], done.returncode) == (["[]"], 0), done.stderr
