"""What is set up for an environment: by an admin, row by row, or else by environment variables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from common.secrets import Secret


@dataclass(frozen=True)
class Setup:
    """A provider of an environment: its name, the name of its adapter in settings, and what it is given.

    `key` is read only when it is needed: it may be sealed under a key that is not here.
    """

    name: str
    adapter: str
    model: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    base_url: str = ""
    key: Callable[[], Secret] = Secret
    default: bool = True
    ready: bool = True


OFFLINE = Setup("offline", adapter="offline")


def setups(environment: str) -> Mapping[str, Setup]:
    """The providers of an environment by name; RET uses PRD's (SPEC 6). Empty where nothing is set up.

    Rows of the admin take the place of the variables altogether, so that one look says what holds.
    """
    return _by_rows(environment) or _by_variables("prd" if environment == "ret" else environment)


def _by_rows(environment: str) -> dict[str, Setup]:
    from executions.models import ProviderSetting

    return {
        row.name: Setup(row.name, row.adapter, row.model, row.params, row.base_url, row.key, row.is_default)
        for row in ProviderSetting.objects.of(environment)
    }


def _by_variables(environment: str) -> dict[str, Setup]:
    said = settings.PROVIDER_ENVIRONMENT.get(environment)
    if not said or said["name"] == OFFLINE.name:
        return {}
    name, key = said["name"], said["key"]
    return {name: Setup(name, name, said["model"], said["params"], said["base_url"], lambda: key)}
