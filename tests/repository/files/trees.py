"""A sound tree, as a person writes it, and ways to break it."""

from pathlib import Path

from common.canonical import sha256

TEXT = "Which part is {{ title }}?\nIts maker is {{ manufacturer }}.\n"
OLD = "Which part is {{ title }}?\n"

SOUND = {
    "00-templates/part-number.v1.2.yaml": "name: part-number\nversion: 3\nlabel: v1.2\ntemplate: |\n  Part of {{ title }} by {{ manufacturer }}\n",
    "01-examples/part-number.jsonl": (
        '{"id": "one", "input": {"title": "Bearing 6205", "manufacturer": "Norrland"}, "expected": "6205"}\n'
        '{"id": "two", "input": {"title": "Belt XPB 1250", "manufacturer": "Tex"}, "expected": "XPB 1250"}\n'
    ),
    "02-production/part-number.yaml": (
        "name: part-number\nversion: 2\nlabel: v1.1\ntemplate: |\n"
        "  Which part is {{ title }}?\n  Its maker is {{ manufacturer }}.\n"
        f"sha256: {sha256(TEXT)}\ndeployed_at: 2026-01-15T12:00:00Z\nupdated_at: 2026-01-10T12:00:00Z\n"
    ),
    "03-metadata/part-number.yaml": (
        "name: part-number\ndescription: Finds the number of a part.\n"
        "inputs:\n  title: as the supplier writes it\n  manufacturer: may be blank\n"
        "outputs: {part_number: as printed}\nthreshold: 0.85\nupdated_at: 2026-01-11T12:00:00Z\n"
    ),
    "99-archive/part-number.v1.0.yaml": (
        "name: part-number\nversion: 1\nlabel: v1.0\ntemplate: |\n  Which part is {{ title }}?\n"
        f"sha256: {sha256(OLD)}\ndeployed_at: 2026-01-01T12:00:00Z\nretired_at: 2026-01-15T12:00:00Z\n"
    ),
    "prompt_registry.yaml": (
        "schema_version: 1\nprompts:\n  part-number:\n    description: Finds the number of a part.\n    threshold: 0.85\n"
        f"    production:\n      label: v1.1\n      sha256: {sha256(TEXT)}\n      file: 02-production/part-number.yaml\n"
        "    files:\n    - 02-production/part-number.yaml\n    - 99-archive/part-number.v1.0.yaml\n"
    ),
}  # fmt: skip


def make_tree(root: Path, files: dict[str, str | bytes | None] | None = None) -> Path:
    """Write the sound tree with these files in the place of its own; None leaves one out."""
    for path, text in {**SOUND, **(files or {})}.items():
        if text is None:
            continue
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def changed(path: str, *pairs: tuple[str, str]) -> dict[str, str]:
    """One file of the sound tree with pieces of it replaced; each must be there."""
    text = SOUND[path]
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return {path: text}
