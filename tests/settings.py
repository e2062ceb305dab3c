"""The settings under test: our own, read as a server's without https, and with a quick hash for the tests' passwords."""

import os

# Whatever the shell of the developer says. (A conftest would come too late: settings are read before it.)
os.environ["PROMPTLEDGER_HTTPS"] = os.environ["PROMPTLEDGER_LOCAL"] = "0"
for name in [name for name in os.environ if name.startswith(("OTEL_", "LOG_", "METRICS_"))]:
    del os.environ[name]

from promptledger.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
