"""Groups, scopes, and what a key lets through (SPEC 10)."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User

from accounts import roles
from accounts.actors import Person
from accounts.models import ApiKey
from common.errors import Forbidden
from ledger.actors import system
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

EVERYTHING = sorted({permission for permissions in roles.GROUPS.values() for permission in permissions})
MATRIX = {"edit_promptversion", "test_promptversion", "promote_to_tst", "promote_to_prd", "create_promptversion",
          "delete_promptversion"}  # fmt: skip


def may(person: Person) -> set[str]:
    """All that this person may, of what roles.py knows."""
    return {permission for permission in EVERYTHING if person.may(permission)}


def permissions_of(group: str) -> set[str]:
    rows = Permission.objects.filter(group__name=group).values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in rows}


def test_a_migration_made_the_three_groups_with_exactly_their_permissions():
    assert set(Group.objects.values_list("name", flat=True)) == {"Viewer", "Prompt engineer", "Release manager"}
    for group, permissions in roles.GROUPS.items():
        assert permissions_of(group) == set(permissions)


def test_viewers_look_engineers_have_the_whole_matrix_managers_release(viewer: Any, engineer: Any, manager: Any):
    assert {permission.partition(".")[2][:5] for permission in may(viewer)} == {"view_"}
    assert {f"versions.{codename}" for codename in MATRIX} <= may(engineer)
    assert may(manager) - may(engineer) == {
        "versions.rollback_promptversion", "versions.approve_promptversion", "versions.override_gate",
        "evaluations.change_automationswitch",
    }  # fmt: skip
    assert may(manager) == set(EVERYTHING)


def test_somebody_in_no_group_may_nothing_and_an_admin_everything(outsider: Any, admin: Any):
    assert may(outsider) == set()
    assert may(admin) == set(EVERYTHING)


def test_an_account_that_is_switched_off_may_nothing(admin: Any):
    admin.user.is_active = False
    assert may(admin) == set()


def test_a_permission_that_the_tables_do_not_know_is_refused_to_everybody(admin: Any):
    for unknown in ("versions.rule_the_world", "auth.delete_user", "", "view_prompt", "VERSIONS.VIEW_PROMPT"):
        assert not admin.may(unknown)
        with pytest.raises(Forbidden):
            admin.require(unknown)


def test_every_permission_has_a_scope_and_words():
    assert set(roles.SCOPES_OF) == set(EVERYTHING) == set(roles.IN_WORDS)
    assert all(len(scopes) == 1 for scopes in roles.SCOPES_OF.values())
    assert set(roles.SCOPES) == set(roles.SCOPE_HELP) == {"read", "run", "register", "write", "promote"}


@pytest.mark.parametrize("name", ["viewer", "engineer", "manager", "admin", "outsider"])
@pytest.mark.parametrize("scope", roles.SCOPES)
def test_a_key_may_what_both_its_user_and_its_scope_allow(name: str, scope: str):
    user = make_user(name, is_superuser=name == "admin")
    key, _ = ApiKey.issue(user=user, by=system("tests"), name="k", scopes=[scope])
    person = Person.of(User.objects.get(pk=user.pk), key)
    assert may(person) == may(Person.of(user)) & set(roles.SCOPES[scope])


def test_scopes_add_up(manager: Any):
    key, _ = ApiKey.issue(user=manager.user, by=manager, name="k", scopes=["read", "promote"])
    assert may(Person.of(manager.user, key)) == {*roles.SCOPES["read"], *roles.SCOPES["promote"]}


def test_a_refusal_tells_the_key_and_the_person_apart(viewer: Any):
    key, _ = ApiKey.issue(user=viewer.user, by=viewer, name="k", scopes=["read", "run"])
    person = Person.of(viewer.user, key)
    with pytest.raises(Forbidden, match="This API key lacks the scope 'write'"):
        person.require("versions.add_prompt")
    with pytest.raises(Forbidden, match="You are not allowed"):
        person.require("versions.test_promptversion")


def test_ensure_groups_makes_what_is_absent_and_leaves_what_an_admin_changed():
    Group.objects.get(name="Viewer").permissions.clear()
    Group.objects.get(name="Release manager").delete()
    for _ in range(2):
        roles.ensure_groups()
        assert permissions_of("Viewer") == set()
        assert permissions_of("Release manager") == set(roles.GROUPS["Release manager"])
        assert Group.objects.count() == 3


def test_permissions_are_read_with_two_queries(engineer: Any, django_assert_num_queries: Any):
    person = Person.of(User.objects.get(pk=engineer.user.pk))
    with django_assert_num_queries(2):
        may(person)
