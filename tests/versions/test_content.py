"""What a text, a chat and a config may be, and the hashes over them."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.canonical import canonical_json, sha256
from common.errors import BadInput
from tests.factories import make_version
from versions import content
from versions.models import PromptVersion

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def test_the_checksum_is_sha256_of_the_utf8_text():
    assert sha256("Zoë") == hashlib.sha256("Zoë".encode()).hexdigest()


@given(TEXTS, st.dictionaries(TEXTS, JSON, max_size=4))
def test_the_content_hash_covers_text_type_and_config_in_canonical_form(text, config):
    whole = {"config": config, "template_source": text, "type": "text"}
    assert content.content_hash("text", text, config) == sha256(canonical_json(whole))
    shuffled = dict(reversed(list(config.items())))
    assert content.content_hash("text", text, shuffled) == content.content_hash("text", text, config)


@given(JSON)
def test_a_value_survives_its_canonical_form(value):
    assert json.loads(canonical_json(value)) == value
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


def test_each_part_of_the_content_changes_the_hash():
    hashes = {
        content.content_hash("text", "a", {}), content.content_hash("chat", "a", {}),
        content.content_hash("text", "b", {}), content.content_hash("text", "a", {"a": 1}),
        content.content_hash("text", "a", {"a": 1.0}), content.content_hash("text", "a", {"a": "1"}),
    }  # fmt: skip
    assert len(hashes) == 6


@pytest.mark.django_db
@pytest.mark.parametrize(
    "config", [{"a": 1e22, "b": 1.0, "c": -0.0}, {"z": 1, "a": {"y": None, "b": [True, "é", "\u2028"]}}, {"n": 2**70}]
)
def test_a_config_comes_back_as_it_was_and_so_does_its_hash(config):
    """jsonb would rewrite 1e22 and reorder keys (common/canonical.py)."""
    version = make_version("PRD", config=config)
    row = PromptVersion.objects.get(pk=version.pk)
    assert repr(row.config) == repr(json.loads(canonical_json(config)))
    assert content.content_hash("text", row.template_source, row.config) == row.content_hash == version.content_hash


CHAT = [{"role": "system", "content": "Be kind."}, {"type": "placeholder", "name": "history"}]


def test_a_chat_is_kept_as_canonical_json():
    text = content.check_text("chat", json.dumps(CHAT))
    assert text == '[{"content":"Be kind.","role":"system"},{"name":"history","type":"placeholder"}]'
    assert content.messages_of(text) == CHAT
    assert content.check_text("chat", text) == text


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ("no json", "A chat prompt is a JSON list of messages, each with role and content."),
        ("[" * 100_000, "A chat prompt is a JSON list of messages, each with role and content."),
        ([], "Prompt text cannot be empty."),
        ({}, "Prompt text cannot be empty."),
        ([{"role": "user", "content": " \n"}], "Prompt text cannot be empty."),
        ([*CHAT, "x"], "Message 3 is not an object with role and content."),
        ([{"role": "king", "content": "x"}],
         "Message 1 has no role out of system, developer, user, assistant, tool."),
        ([{"role": "user", "content": 7}], "Message 1 has no text as content."),
        ([{"role": "user"}], "Message 1 has no text as content."),
        ([{"role": "user", "content": "a\x00"}], "Message 1 contains a NUL character."),
        ([{"role": "user", "content": "x", "name": "n", "id": 1}],
         "Message 1 has keys that mean nothing here: id, name."),
        ([{"type": "placeholder"}], "Message 1 is a placeholder without a name of letters, digits and _."),
        ([{"type": "placeholder", "name": "a b"}],
         "Message 1 is a placeholder without a name of letters, digits and _."),
    ],
)  # fmt: skip
def test_a_chat_that_is_none_is_refused_and_the_message_named(messages, said):
    with pytest.raises(BadInput) as caught:
        content.check_text("chat", messages if isinstance(messages, str) else json.dumps(messages))
    assert caught.value.detail == said


def test_a_deep_config_is_refused_not_a_crash():
    deep: dict = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(BadInput):
        content.check_config(deep)
