"""What templates need to draw two versions beside each other."""

from typing import Any

from versions import diffs
from versions.models import PromptVersion


def difference(old: PromptVersion, new: PromptVersion) -> dict[str, Any]:
    """What templates need to draw old and new beside each other."""
    if new.prompt.type == "chat":
        pairs = diffs.message_pairs(old.messages or [], new.messages or [])
        parts = [
            {"title": (right or left or {}).get("role", "placeholder"), "op": op,
             "rows": diffs.side_by_side(diffs.message_text(left), diffs.message_text(right))}
            for op, left, right in pairs
        ]  # fmt: skip
    else:
        parts = [{"title": "", "op": "", "rows": diffs.side_by_side(old.template_source, new.template_source)}]
    return {
        "parts": parts,
        "config": diffs.config_changes(old.config, new.config),
        "same": old.content_hash == new.content_hash,
    }
