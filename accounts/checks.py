"""What can be wrong with the settings of access, said at start."""

from typing import Any

from django.conf import settings
from django.core import checks

from accounts.local import is_loopback


@checks.register(checks.Tags.security)
def local_mode_stays_here(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    """Local mode signs everybody in: no host name but this machine's may reach it."""
    if settings.LOCAL_MODE and not all(is_loopback(host) for host in settings.ALLOWED_HOSTS):
        hint = "Unset PROMPTLEDGER_LOCAL, or leave ALLOWED_HOSTS alone."
        return [
            checks.Error("Local mode is on, and ALLOWED_HOSTS names other machines.", hint=hint, id="accounts.E001")
        ]
    return []


@checks.register(checks.Tags.security, deploy=True)
def not_local_when_deployed(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    """`check --deploy` says when local mode would be deployed, or pages would go without a policy."""
    found: list[checks.CheckMessage] = []
    if settings.LOCAL_MODE:
        found.append(checks.Error("Local mode is on: everybody is signed in.", id="accounts.E002"))
    if not settings.SECURE_CSP.get("default-src"):
        found.append(checks.Error("There is no Content-Security-Policy.", id="accounts.E003"))
    return found


@checks.register(checks.Tags.security, deploy=True)
def any_host_when_deployed(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    """`*` lets whoever sends a request choose the name in our links and in the check of origins."""
    if "*" in settings.ALLOWED_HOSTS:
        return [checks.Error("ALLOWED_HOSTS has a '*'. Name the hosts.", id="accounts.E004")]
    return []
