"""What a prompt asks of its versions before production: kept here, understood by a higher app (evaluations)."""

from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from versions.models import Prompt


def shown(prompt: Prompt) -> dict[str, Any]:
    """The whole policy of a prompt, defaults included."""
    return import_string(f"{settings.EVALUATION_POLICY}.shown")(prompt)


def merged(prompt: Prompt, given: Any) -> dict[str, Any]:
    """What to store when these keys are set. Raises BadInput that names every wrong one."""
    return import_string(f"{settings.EVALUATION_POLICY}.merged")(prompt, given)
