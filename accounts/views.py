"""Pages about oneself: keys, account, and in local mode the role."""

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from accounts import roles
from accounts.actors import person
from accounts.forms import KeyForm
from accounts.local import LOCAL_ROLES, local_user
from accounts.models import ApiKey
from common.htmx import page_or_part


@require_http_methods(["GET", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """One's own keys; making one shows it this once, on the answer to the very request."""
    me, user, key = person(request), cast(User, request.user), None
    form = KeyForm(request.POST or None, person=me)
    if request.method == "POST" and form.is_valid():
        try:
            _, key = ApiKey.issue(
                user=user,
                by=me,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at(),
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            form = KeyForm(person=me)
    context = {"form": form, "key": key, "keys": ApiKey.objects.filter(user=user)}
    return render(request, "accounts/keys.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def revoke_key(request: HttpRequest, prefix: str) -> HttpResponse:
    """End one of one's own keys, after a question."""
    key = get_object_or_404(ApiKey, prefix=prefix, user=cast(User, request.user))
    if request.method == "GET":
        return page_or_part(request, "accounts/revoke.html", "question", {"key": key})
    key.revoke(by=person(request))
    messages.success(request, f"{key.name} is revoked. Programs that use it get 401 from now on.")
    return redirect("accounts:keys")


@require_http_methods(["GET"])
def account(request: HttpRequest) -> HttpResponse:
    """Who I am here and what I may do."""
    me = person(request)
    rows = [
        (roles.SCOPE_HELP[scope], [(roles.IN_WORDS[each], me.may(each)) for each in permissions])
        for scope, permissions in roles.SCOPES.items()
    ]
    groups = request.user.groups.values_list("name", flat=True)
    return render(request, "accounts/account.html", {"rows": rows, "groups": groups})


@require_POST
def switch_role(request: HttpRequest) -> HttpResponse:
    """Local mode: become another of the local people."""
    role = request.POST.get("role", "")
    if not settings.LOCAL_MODE or role not in LOCAL_ROLES:
        raise Http404
    login(request, local_user(role), backend=settings.AUTHENTICATION_BACKENDS[0])
    back = request.POST.get("next", "/")
    # Not redirect(): that would take "home" for the name of a view.
    return HttpResponseRedirect(back if url_has_allowed_host_and_scheme(back, {request.get_host()}) else "/")
