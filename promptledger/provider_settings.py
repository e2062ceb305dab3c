"""The provider of each environment, as environment variables say it (docs/executions.md)."""

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from common.secrets import Secret

ENVIRONMENTS = ("dev", "tst", "prd")
PARTS = ("MODEL", "BASE_URL", "API_KEY", "PARAMS")


def read(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return {environment: {name, model, base_url, key, params}} for the environments that have a provider.

    PROMPTLEDGER_PROVIDER, …_MODEL, …_BASE_URL, …_API_KEY and …_PARAMS hold for all; PROMPTLEDGER_PRD_PROVIDER and so on
    for one. An environment that names its own provider or base URL takes nothing from the general ones: a key meant
    for one address must not be sent to another. Raises ImproperlyConfigured.
    """
    found = {}
    for environment in ENVIRONMENTS:
        said = _said(variables, f"PROMPTLEDGER_{environment.upper()}_PROVIDER")
        if "" not in said and "BASE_URL" not in said:
            said = {**_said(variables, "PROMPTLEDGER_PROVIDER"), **said}
        if "" in said:
            found[environment] = {
                "name": said[""],
                "model": said.get("MODEL", ""),
                "base_url": said.get("BASE_URL", ""),
                "key": Secret(said.get("API_KEY", "")),
                "params": _object(said.get("PARAMS", "{}"), environment),
            }
    return found


def _said(variables: Mapping[str, str], prefix: str) -> dict[str, str]:
    names = {"": prefix, **{part: f"{prefix}_{part}" for part in PARTS}}
    return {part: variables[name].strip() for part, name in names.items() if variables.get(name, "").strip()}


def _object(text: str, environment: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ImproperlyConfigured(
            f"The provider's parameters for {environment} (…PROVIDER_PARAMS) are no JSON object."
        )
    return value
