"""Pages about oneself: keys, account, and in local mode the role."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from accounts import roles
from accounts.actors import person
from accounts.forms import KeyForm
from accounts.local import LOCAL_ROLES, local_user
from accounts.models import ApiKey


@require_http_methods(["GET", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """One's own keys; making one shows it this once, on the answer to the very request."""
    form, key = KeyForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        try:
            _, key = ApiKey.issue(
                user=request.user,
                by=person(request),
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at(),
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            form = KeyForm()
    context = {
        "form": form,
        "key": key,
        "keys": ApiKey.objects.filter(user=request.user),
        "help": roles.SCOPE_HELP,
    }
    return render(request, "accounts/keys.html", context, status=422 if form.errors else 200)


@require_POST
def revoke_key(request: HttpRequest, prefix: str) -> HttpResponse:
    """End one of one's own keys."""
    key = get_object_or_404(ApiKey, prefix=prefix, user=request.user)
    key.revoke(by=person(request))
    messages.success(request, f"{key.name} is revoked. Programs that use it get 401 from now on.")
    return redirect("accounts:keys")


@require_http_methods(["GET"])
def account(request: HttpRequest) -> HttpResponse:
    """Who I am here and what I may do."""
    me = person(request)
    may = {scope: [said for said in permissions if me.may(said)] for scope, permissions in roles.SCOPES.items()}
    rows = [(roles.SCOPE_HELP[scope], len(may[scope]), len(roles.SCOPES[scope])) for scope in roles.SCOPES]
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
    return redirect(back if url_has_allowed_host_and_scheme(back, {request.get_host()}) else "/")
