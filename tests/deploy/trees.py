"""A tree of prompt files, small: one prompt that greets, with examples that the offline provider gets right."""

import json
from pathlib import Path

import yaml


def write(
    root: Path, name: str = "greet", template: str = "Hello {{ name }}", expects: str = "Hello", **metadata: object
) -> Path:
    """Write, or write anew, what is wanted live."""
    folders = {folder: root / folder for folder in ("01-examples", "02-production", "03-metadata")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    (folders["02-production"] / f"{name}.yaml").write_text(yaml.safe_dump({"name": name, "template": template}))
    said = {
        "name": name, "description": "Greets somebody.", "inputs": {"name": "who"}, "outputs": {"text": "the greeting"},
        "threshold": 0.9, **metadata,
    }  # fmt: skip
    (folders["03-metadata"] / f"{name}.yaml").write_text(yaml.safe_dump(said))
    rows = [{"id": f"ex-{who}", "input": {"name": who}, "expected": f"{expects} {who}"} for who in ("Ada", "Bo", "Cy")]
    (folders["01-examples"] / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return root
