"""What every page knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.local import LOCAL_ROLES
from promptledger import __version__


def site(request: HttpRequest) -> dict[str, Any]:
    """The product's version, and in local mode the roles one can switch to."""
    return {
        "app_version": __version__,
        "local_mode": settings.LOCAL_MODE,
        "local_roles": {name: said for name, (said, _) in LOCAL_ROLES.items()} if settings.LOCAL_MODE else {},
    }
