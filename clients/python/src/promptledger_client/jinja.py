"""Jinja2 prompts, filled here where the package jinja2 is installed (`pip install promptledger-client[jinja2]`).

The same sandbox, the same strict undefined names and the same limit of output as the server's; what the server does not
allow fails here too. Without the package a prompt's `render` asks the server: see `prompts`.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from promptledger_client.errors import BadTemplate, PromptLedgerError

OUTPUT_LIMIT = 1_048_576


class NoJinja(PromptLedgerError):
    """The package jinja2 is not installed."""

    code = "no_jinja2"


@lru_cache(maxsize=1)
def environment() -> Any:
    """The sandbox. Raises NoJinja."""
    try:
        from jinja2 import StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError as error:
        raise NoJinja(
            "This prompt is written in Jinja2: pip install promptledger-client[jinja2] to fill it in here."
        ) from error
    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    made.globals.clear()
    return made


@lru_cache(maxsize=512)
def variables(text: str) -> tuple[str, ...]:
    """Return the names that a template leaves for its values. Raises NoJinja and BadTemplate."""
    made = environment()
    from jinja2 import TemplateSyntaxError, meta

    try:
        return tuple(sorted(meta.find_undeclared_variables(made.parse(text))))
    except TemplateSyntaxError as error:
        raise BadTemplate(f"Line {error.lineno}: {error.message}", code="template_syntax") from error


@lru_cache(maxsize=512)
def template(text: str) -> Any:
    """The template, compiled once."""
    return environment().from_string(text)


def render(text: str, values: Mapping[str, Any]) -> str:
    """Return the filled template. Raises NoJinja, and BadTemplate with the server's code."""
    variables(text)
    from jinja2 import TemplateError
    from jinja2.exceptions import SecurityError

    plain = json.loads(json.dumps(dict(values)))
    try:
        return joined(template(text).generate(plain))
    except SecurityError as error:
        said = "The template reaches for something that is not allowed."
        raise BadTemplate(said, code="template_unsafe") from error
    except (MemoryError, RecursionError, OverflowError) as error:
        raise BadTemplate("The template takes too much memory.", code="too_costly") from error
    except (TemplateError, ArithmeticError, TypeError, ValueError, AttributeError, LookupError) as error:
        raise BadTemplate(f"The template cannot be filled: {error}", code="template_error") from error


def joined(parts: Any) -> str:
    """Join the output piece by piece, so that it never grows past its limit."""
    done, size = [], 0
    for part in parts:
        size += len(part)
        if size > OUTPUT_LIMIT:
            raise MemoryError
        done.append(part)
    return "".join(done)
