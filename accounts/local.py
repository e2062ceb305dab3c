"""Local mode: one person on one machine, signed in at once, able to try every role (SPEC 10)."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured

# username -> (what the switch says, group)
LOCAL_ROLES: dict[str, tuple[str, str | None]] = {
    "viewer": ("Viewer", "Viewer"),
    "engineer": ("Prompt engineer", "Prompt engineer"),
    "manager": ("Release manager", "Release manager"),
    "admin": ("Admin", None),
}
DEFAULT_ROLE = "engineer"


def local_user(role: str = DEFAULT_ROLE) -> User:
    """Return the user of a local role, made at first use with a password that nothing matches. KeyError if unknown."""
    group = LOCAL_ROLES[role][1]
    is_admin = group is None
    user, made = User.objects.get_or_create(
        username=role, defaults={"is_staff": is_admin, "is_superuser": is_admin, "password": "!local"}
    )
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
        if group:
            user.groups.add(Group.objects.get(name=group))
    return user


def is_loopback(address: str) -> bool:
    """Whether an address or host name is this machine talking to itself. Judges addresses, not how they are spelled."""
    if address in {"localhost", ""}:
        return address == "localhost"
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
    """Whether local mode is on and the peer is this machine."""
    return settings.LOCAL_MODE and is_loopback(request.META.get("REMOTE_ADDR", ""))


def from_own_pages(request: Any) -> bool:
    """Whether no foreign web page is behind this request: browsers say so, programs say nothing."""
    if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        return False
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.get_host()
