"""Local mode: one person on one machine, signed in at once, able to try every role (SPEC 10)."""

import ipaddress
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

# username -> (what the switch says, group)
LOCAL_ROLES: dict[str, tuple[str, str | None]] = {
    "viewer": ("Viewer", "Viewer"),
    "engineer": ("Prompt engineer", "Prompt engineer"),
    "manager": ("Release manager", "Release manager"),
    "admin": ("Admin", None),
}
DEFAULT_ROLE = "engineer"
# A proxy or tunnel that talks to us from this machine speaks for somebody elsewhere, and says so in one of these.
PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


def local_user(role: str = DEFAULT_ROLE) -> User:
    """Return the user of a local role, made at first use with a password that nothing matches. KeyError if unknown."""
    group = LOCAL_ROLES[role][1]
    is_admin = group is None
    defaults = {"is_staff": is_admin, "is_superuser": is_admin, "password": make_password(None)}
    if user := User.objects.filter(username=role).first():
        return user
    with transaction.atomic():  # nobody meets the user before it has its group
        user, made = User.objects.get_or_create(username=role, defaults=defaults)
        if made and group:
            user.groups.set(Group.objects.filter(name=group))
    return user


def is_loopback(address: str) -> bool:
    """Whether an address or host name is this machine talking to itself. Judges addresses, not how they are spelled."""
    if address.lower() == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return False
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


def ensure_loopback(host: str) -> None:
    """Raise ImproperlyConfigured unless `host` is loopback: local mode has no locks on its doors."""
    if not is_loopback(host):
        raise ImproperlyConfigured(
            f"Local mode signs everybody in, so it only listens on this machine (127.0.0.1), not on {host}. "
            f"To serve others, start with --mode server: see docs/operations.md."
        )


def from_this_machine(request: Any) -> bool:
    """Whether local mode is on and the peer is this machine, speaking for itself."""
    if not settings.LOCAL_MODE or not is_loopback(request.META.get("REMOTE_ADDR", "")):
        return False
    return not any(name in request.headers for name in PASSED_ON)


def from_own_pages(request: Any) -> bool:
    """Whether no foreign web page is behind this request: browsers say so, programs say nothing.

    A page of another port of this machine is foreign, too.
    """
    if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        return False
    return request.headers.get("Origin") in {None, f"{request.scheme}://{request.get_host()}"}
