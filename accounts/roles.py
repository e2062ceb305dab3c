"""Who may do what: three groups and five scopes, as two tables (SPEC 10)."""

from typing import Any

LOOK = (
    "agents.view_agent",
    "versions.view_prompt",
    "versions.view_promptversion",
    "executions.view_execution",
    "ledger.view_ledgerevent",
)
RUN = ("versions.test_promptversion", "executions.run_execution")
REGISTER = ("versions.register_code",)
WRITE = (
    "agents.add_agent",
    "agents.change_agent",
    "agents.delete_agent",
    "versions.add_prompt",
    "versions.change_prompt",
    "versions.delete_prompt",
    "versions.edit_promptversion",
    "versions.create_promptversion",
    "versions.delete_promptversion",
    "versions.archive_promptversion",
)
PROMOTE = ("versions.promote_to_tst", "versions.promote_to_prd")
RELEASE = ("versions.rollback_promptversion", "versions.approve_promptversion", "versions.override_gate")

ENGINEER = (*LOOK, *RUN, *REGISTER, *WRITE, *PROMOTE)
GROUPS: dict[str, tuple[str, ...]] = {
    "Viewer": LOOK,
    "Prompt engineer": ENGINEER,
    "Release manager": (*ENGINEER, *RELEASE),
}

# What an API key may be used for; it never may more than its user.
SCOPES: dict[str, tuple[str, ...]] = {
    "read": LOOK,
    "run": RUN,
    "register": REGISTER,
    "write": WRITE,
    "promote": (*PROMOTE, *RELEASE),
}
SCOPE_HELP = {
    "read": "Read agents, prompts, versions, the ledger, and what is live",
    "run": "Run tests and executions",
    "register": "Register prompts from code",
    "write": "Create, edit, archive and delete drafts, prompts and agents",
    "promote": "Promote, roll back and approve",
}


IN_WORDS = {
    "agents.view_agent": "see agents",
    "versions.view_prompt": "see prompts",
    "versions.view_promptversion": "see versions and their texts",
    "executions.view_execution": "see executions",
    "ledger.view_ledgerevent": "see the history",
    "versions.test_promptversion": "test versions",
    "executions.run_execution": "run prompts",
    "versions.register_code": "register prompts from code",
    "agents.add_agent": "make agents",
    "agents.change_agent": "change agents",
    "agents.delete_agent": "delete agents",
    "versions.add_prompt": "make prompts",
    "versions.change_prompt": "change prompts",
    "versions.delete_prompt": "delete prompts",
    "versions.edit_promptversion": "edit drafts",
    "versions.create_promptversion": "create new versions",
    "versions.delete_promptversion": "delete drafts",
    "versions.archive_promptversion": "archive drafts",
    "versions.promote_to_tst": "promote to TST",
    "versions.promote_to_prd": "promote to PRD",
    "versions.rollback_promptversion": "roll back to a retired version",
    "versions.approve_promptversion": "approve versions",
    "versions.override_gate": "override a gate",
}


SCOPES_OF: dict[str, frozenset[str]] = {
    permission: frozenset(scope for scope, permissions in SCOPES.items() if permission in permissions)
    for permission in GROUPS["Release manager"]
}


def scopes_of(permission: str) -> frozenset[str]:
    """Return the scopes that let this permission through; none for a permission the table does not know."""
    return SCOPES_OF.get(permission, frozenset())


def ensure_groups(apps: Any = None, using: str = "default") -> None:
    """Make the groups that are absent, with their permissions. A group that is there stays as its admin left it."""
    if apps is None:
        from django.apps import apps
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    wanted = {name for names in GROUPS.values() for name in names}
    known = {
        f"{app}.{codename}": pk
        for pk, app, codename in permission_model.objects.using(using).values_list(
            "pk", "content_type__app_label", "codename"
        )
        if f"{app}.{codename}" in wanted
    }
    for name, permissions in GROUPS.items():
        group, made = group_model.objects.using(using).get_or_create(name=name)
        if made:
            group.permissions.set([known[permission] for permission in permissions])
