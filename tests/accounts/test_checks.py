"""What is said about settings that open a door."""

from typing import Any

import pytest
from django.core.checks import run_checks

from accounts import checks


def ids(deploy: bool = False) -> set[str]:
    return {found.id for found in run_checks(tags=["security"], include_deployment_checks=deploy)}


def test_local_mode_on_this_machine_is_fine(settings: Any):
    settings.LOCAL_MODE, settings.ALLOWED_HOSTS = True, settings.LOOPBACK_HOSTS
    assert "accounts.E001" not in ids()


@pytest.mark.parametrize("host", ["*", "prompts.example", ".example", "0.0.0.0", "192.168.1.5"])
def test_local_mode_under_another_name_is_an_error(settings: Any, host: str):
    settings.LOCAL_MODE, settings.ALLOWED_HOSTS = True, ["localhost", host]
    assert "accounts.E001" in ids()
    settings.LOCAL_MODE = False
    assert "accounts.E001" not in ids()


def test_local_mode_is_not_deployed(settings: Any):
    settings.LOCAL_MODE = True
    assert "accounts.E002" in ids(deploy=True)
    assert "accounts.E002" not in ids()
    settings.LOCAL_MODE = False
    assert "accounts.E002" not in ids(deploy=True)


def test_pages_without_a_policy_are_not_deployed(settings: Any):
    assert "accounts.E003" not in ids(deploy=True)
    settings.SECURE_CSP = {}
    assert "accounts.E003" in ids(deploy=True)


def test_any_host_name_at_all_is_not_deployed(settings: Any):
    settings.ALLOWED_HOSTS = ["prompts.example"]
    assert checks.any_host_when_deployed(None) == []
    settings.ALLOWED_HOSTS = ["prompts.example", "*"]
    assert "accounts.E004" in ids(deploy=True)
