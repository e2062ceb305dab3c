"""What can be wrong with prompt files: one row a code. Codes never change (docs/prompt-files.md lists them)."""

from dataclasses import dataclass, field

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Rule:
    """One kind of defect. What `blocks` is never imported; the rest is for people and for CI."""

    code: str
    name: str
    level: str
    blocks: bool
    title: str


@dataclass(frozen=True, order=True)
class Problem:
    """One defect: where, and what to do about it. `path` is below the root of the tree; "" is the tree itself."""

    path: str
    line: int
    code: str
    said: str = field(compare=False)

    @property
    def rule(self) -> Rule:
        """The row of its code."""
        return RULES[self.code]

    def __str__(self) -> str:
        return f"{self.path or '.'}:{self.line}: {self.code} {self.said}"


def _rules(*rows: tuple[str, str, str, bool, str]) -> dict[str, Rule]:
    return {row[0]: Rule(*row) for row in rows}


RULES = _rules(
    # The file itself
    ("PL001", "unreadable", ERROR, True, "A file is not YAML, JSON or UTF-8"),
    ("PL002", "key-twice", ERROR, True, "A key is given twice"),
    ("PL003", "too-large", ERROR, True, "A file, or the tree, is too large"),
    ("PL004", "unsafe-path", ERROR, True, "A link, a device or a name that leads elsewhere"),
    ("PL005", "unknown-place", WARNING, False, "A folder or file that has no place in the layout"),
    ("PL006", "case-collision", ERROR, True, "Two names that differ by upper and lower case only"),
    ("PL007", "yaml-feature", ERROR, True, "An anchor, alias, tag, merge or nesting that is not read here"),
    # What a version file says
    ("PL010", "unknown-key", ERROR, True, "A key that means nothing here"),
    ("PL011", "bad-value", ERROR, True, "A value that is missing or of another type"),
    ("PL012", "unknown-format", ERROR, True, "A schema_version that this release does not know"),
    ("PL013", "bad-text", ERROR, True, "A prompt text that cannot be stored or read"),
    ("PL014", "wrong-folder", ERROR, True, "A stage that does not belong into this folder"),
    ("PL015", "hash-mismatch", ERROR, True, "The text is not the one that its sha256 was taken of"),
    ("PL016", "bad-history", ERROR, True, "Dates and stages that cannot have been so"),
    ("PL017", "two-in-production", ERROR, True, "Two versions of a prompt in production"),
    ("PL018", "number-twice", ERROR, True, "Two files for one version of a prompt"),
    ("PL019", "slot-twice", ERROR, True, "Two prompts for one agent and status key, or two metadata files for one"),
    # Metadata
    ("PL030", "no-metadata", ERROR, False, "A prompt without a metadata file"),
    ("PL031", "metadata-incomplete", WARNING, False, "Metadata without description, inputs or outputs"),
    ("PL032", "no-threshold", ERROR, False, "Metadata that does not say a threshold"),
    ("PL033", "undeclared-variable", ERROR, False, "A variable that the inputs do not name"),
    ("PL034", "unused-input", WARNING, False, "An input that no text uses"),
    ("PL035", "metadata-old", ERROR, False, "Metadata that is older than its prompt"),
    ("PL036", "metadata-alone", WARNING, False, "Metadata of no prompt"),
    ("PL037", "bad-policy", ERROR, True, "A threshold, scorer or policy that cannot be used"),
    # Examples
    ("PL040", "no-examples", ERROR, False, "A threshold, and no examples to score on"),
    ("PL041", "bad-example", ERROR, True, "An example that cannot be read"),
    ("PL042", "example-twice", ERROR, True, "Two examples with one id, or the same example twice"),
    ("PL043", "placeholder", ERROR, False, "An expectation that somebody still has to write"),
    ("PL044", "example-lacks-input", ERROR, False, "An example without a value for a variable"),
    ("PL045", "examples-alone", WARNING, False, "Examples of no prompt"),
    # The registry
    ("PL050", "dangling-path", ERROR, False, "The registry names a file that is not there"),
    ("PL051", "registry-differs", ERROR, False, "The registry says something else than the files"),
    ("PL052", "no-registry", WARNING, False, "There is no prompt_registry.yaml"),
    # Evaluations
    ("PL060", "bad-evaluation", ERROR, False, "A result in 04-evals that cannot be read"),
    ("PL061", "evaluation-old", WARNING, False, "A result for a text or for examples that are not there any more"),
    ("PL062", "below-threshold", ERROR, False, "What is in production scores below the threshold"),
    # Secrets
    ("PL070", "secret", ERROR, False, "Something that looks like a password or key"),
)  # fmt: skip
