"""Something that looks like a password or key has no place in a repository: told by file and line, never shown."""

import re
from collections.abc import Iterator

from repository.files.codes import Problem
from repository.files.tree import Tree
from repository.files.yaml_text import Document, texts_in

# What services give out, by its form; each is long and random enough not to be a word.
KNOWN = (
    ("an API key", re.compile(r"\bsk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{20,}")),
    ("a key of ours", re.compile(r"\bpl_[A-Za-z0-9]{8,}_[A-Za-z0-9_-]{16,}")),
    ("an AWS key", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("a GitHub token", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{40,}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}")),
    ("a Google key", re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a token", re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")),
    ("a password in an address", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@{}]+:[^\s/@{}]{3,}@[^\s/{}]+")),
    ("a password", re.compile(r"(?i)\b(?:password|passwd|api[_-]?key|secret|token)\b\s*[:=]\s*['\"]?(?![{<$*\s])"
                              r"(?=[^\s'\"]*[0-9])(?=[^\s'\"]*[A-Za-z])[^\s'\"{}<>]{12,}")),
)  # fmt: skip


def looks_like(text: str) -> tuple[str, int] | None:
    """Return what a text seems to hold, and where; None for nothing."""
    for what, form in KNOWN:
        if found := form.search(text):
            return what, found.start()
    return None


def secrets(tree: Tree) -> Iterator[Problem]:
    """Texts of prompts, metadata and examples that hold what nobody should read."""
    documents: list[tuple[str, Document]] = [(one.path, one.document) for one in tree.versions]
    documents += [(one.path, one.document) for one in tree.metadata.values()]
    for path, document in documents:
        for where, text in texts_in(document):
            if found := looks_like(text):
                yield _problem(path, document.line(*where), found[0])
    for one in tree.examples:
        text = one.source.decode(errors="replace")
        if found := looks_like(text):
            yield _problem(one.path, text.count("\n", 0, found[1]) + 1, found[0])


def _problem(path: str, line: int, what: str) -> Problem:
    return Problem(path, line, "PL070", f"This looks like {what}. Take it out, and have it replaced where it is used.")
