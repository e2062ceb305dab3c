"""Who may come in at all. What they may do there, the view asks of `accounts.actors.Person`.

A view declares for each unsafe method what it takes: `needs = {"POST": "versions.add_prompt"}`. ASKED says that the
called function asks itself (versions.actions.perform). A method that is not declared is refused.
"""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission

from accounts.actors import person

ASKED = ""
TO_LOOK = "versions.view_prompt"


class MayReadOrIsAskedByView(BasePermission):
    """Signed in; reading takes the permission to look; writing what the view declares."""

    def has_permission(self, request: Any, view: Any) -> bool:
        """Raise Forbidden (403) with the reason; return False for nobody (401)."""
        if not request.user or not request.user.is_authenticated:
            return False
        needs = getattr(view, "needs", {})
        if request.method in SAFE_METHODS:
            person(request).require(needs.get(request.method, TO_LOOK))
            return True
        if request.method not in needs:
            return request.method not in view.allowed_methods
        if needs[request.method] != ASKED:
            person(request).require(needs[request.method])
        return True
