"""Who may do what: three groups and five scopes, as two tables (SPEC 10)."""

from typing import Any

LOOK = (
    "agents.view_agent",
    "versions.view_prompt",
    "versions.view_promptversion",
    "executions.view_execution",
    "ledger.view_ledgerevent",
)
RUN = ("versions.test_promptversion", "executions.run_execution", "evaluations.run_evaluation")
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
    "evaluations.change_datasetversion",
)
PROMOTE = ("versions.promote_to_tst", "versions.promote_to_prd", "evaluations.resolve_notice")
RELEASE = ("versions.rollback_promptversion", "versions.approve_promptversion", "versions.override_gate",
           "evaluations.change_automationswitch")  # fmt: skip

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
    "run": "Run tests, executions and evaluations",
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
    "evaluations.run_evaluation": "evaluate versions",
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
    "evaluations.change_datasetversion": "change examples",
    "versions.promote_to_tst": "promote to TST",
    "versions.promote_to_prd": "promote to PRD",
    "evaluations.resolve_notice": "dismiss notices",
    "versions.rollback_promptversion": "roll back to a retired version",
    "versions.approve_promptversion": "approve versions",
    "versions.override_gate": "override a gate",
    "evaluations.change_automationswitch": "switch automation on and off",
}


SCOPES_OF: dict[str, frozenset[str]] = {
    permission: frozenset(scope for scope, permissions in SCOPES.items() if permission in permissions)
    for permission in GROUPS["Release manager"]
}


def scopes_of(permission: str) -> frozenset[str]:
    """Return the scopes that let this permission through; none for a permission the table does not know."""
    return SCOPES_OF.get(permission, frozenset())


def ensure_groups(apps: Any = None, using: str = "default") -> None:
    """Make the groups that are absent, with their permissions. A group that is there stays as its admin left it.

    In the migration that makes them, permissions of tables to come are absent: those bring them along (`grant`).
    """
    known, group_model = _known(apps, using)
    for name, permissions in GROUPS.items():
        group, made = group_model.objects.using(using).get_or_create(name=name)
        if made:
            group.permissions.set([known[permission] for permission in permissions if permission in known])


def grant(app: str, apps: Any = None, using: str = "default") -> None:
    """Give the groups what the tables say of a new app's permissions; for the migration that brings the app."""
    known, group_model = _known(apps, using)
    for group in group_model.objects.using(using).filter(name__in=GROUPS):
        group.permissions.add(
            *[known[permission] for permission in GROUPS[group.name] if permission.startswith(f"{app}.")]
        )


def _known(apps: Any, using: str) -> tuple[dict[str, int], Any]:
    """The permissions of the tables that are there, by name, and the model of groups."""
    if apps is None:
        from django.apps import apps
    wanted = {name for names in GROUPS.values() for name in names}
    rows = apps.get_model("auth", "Permission").objects.using(using)
    found = {
        f"{app}.{codename}": pk
        for pk, app, codename in rows.values_list("pk", "content_type__app_label", "codename")
        if f"{app}.{codename}" in wanted
    }
    return found, apps.get_model("auth", "Group")
