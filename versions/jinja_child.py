"""Run as a program by versions/jinja.py: one template, one answer, then gone. Imports nothing of ours."""

import json
import resource
import sys
from typing import Any

MEMORY = 256 * 1024 * 1024
OUTPUT_LIMIT = 1_048_576


def main() -> None:
    """Read one task from standard input and write one answer as JSON."""
    from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta
    from jinja2.sandbox import ImmutableSandboxedEnvironment, SecurityError

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    task = json.load(sys.stdin)
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    environment.globals.clear()
    answer: dict[str, Any]
    try:
        if task["do"] == "variables":
            answer = {"result": sorted(meta.find_undeclared_variables(environment.parse(task["text"])))}
        else:
            answer = {"result": _render(environment.from_string(task["text"]), task["values"])}
    except TemplateSyntaxError as error:
        answer = {"error": f"Line {error.lineno}: {error.message}", "code": "template_syntax"}
    except SecurityError:
        answer = {
            "error": "The template reaches for something that is not allowed.",
            "code": "template_unsafe",
        }
    except TemplateError as error:
        answer = {"error": f"The template cannot be filled: {error}", "code": "template_error"}
    except (MemoryError, RecursionError, OverflowError):
        answer = {"error": "The template takes too much memory.", "code": "too_costly"}
    except (ArithmeticError, TypeError, ValueError, AttributeError, LookupError) as error:
        answer = {"error": f"The template cannot be filled: {error}", "code": "template_error"}
    json.dump(answer, sys.stdout)


def _render(template: Any, values: dict[str, Any]) -> str:
    """Join the output piece by piece, so that it never grows past its limit."""
    pieces, size = [], 0
    for piece in template.generate(values):
        size += len(piece)
        if size > OUTPUT_LIMIT:
            raise MemoryError
        pieces.append(piece)
    return "".join(pieces)


if __name__ == "__main__":
    main()
