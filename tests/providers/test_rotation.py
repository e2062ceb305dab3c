"""manage.py rotate_keys, and what a seal is good for."""

import base64
import io
import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from common import secrets
from common.secrets import Secret, Unreadable, read_keys, seal, unseal
from executions.models import ProviderSetting
from tests import live
from tests.factories import TESTER

OLD, NEW = Secret("old key, long enough for anybody ok"), Secret("new key, long enough for anybody ok")


@pytest.fixture
def rows(db: None, settings: Any) -> list[ProviderSetting]:
    settings.ENCRYPTION_KEYS = [OLD]
    return [
        ProviderSetting.create(
            by=TESTER, environment=environment, name="mine", adapter="openai", key=Secret(f"key of {environment}")
        )
        for environment in ("dev", "tst", "prd")
    ]


def rotate(*options: str) -> str:
    said = io.StringIO()
    call_command("rotate_keys", *options, stdout=said, stderr=said)
    return said.getvalue()


def test_every_key_is_sealed_anew_and_the_old_one_is_needed_no_more(rows, settings):
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    present = secrets.present_key_id()
    assert rotate("--check") == f"Key {present}: 3 to rotate.\n"
    assert rotate() == f"Key {present}: 3 rotated.\n"
    assert rotate() == f"Key {present}: 3 under it already.\n"
    settings.ENCRYPTION_KEYS = [NEW]
    assert [row.key().reveal() for row in ProviderSetting.objects.order_by("pk")] == [
        "key of dev", "key of tst", "key of prd"]  # fmt: skip
    settings.ENCRYPTION_KEYS = [OLD]
    with pytest.raises(Unreadable, match=present):
        ProviderSetting.objects.first().key()


def test_what_cannot_be_read_is_named_and_left_as_it_is(rows, settings):
    before = rows[0].sealed_key
    ProviderSetting.objects.filter(pk=rows[1].pk).update(sealed_key=rows[0].sealed_key)  # copied from another row
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(CommandError, match="left as it is"):
        rotate()
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    with pytest.raises(CommandError):
        rotate()
    stored = {row.environment: row.sealed_key for row in ProviderSetting.objects.all()}
    assert stored["tst"] == before
    assert secrets.key_id(stored["dev"]) == secrets.key_id(stored["prd"]) == secrets.present_key_id()


def test_a_key_that_somebody_sets_meanwhile_is_not_overwritten(rows, settings, monkeypatch):
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    reading = ProviderSetting.sealed_for

    def meanwhile(row: ProviderSetting, field: str = "sealed_key") -> str:
        monkeypatch.setattr(ProviderSetting, "sealed_for", reading)
        ProviderSetting.objects.get(pk=rows[0].pk).change(by=TESTER, key=Secret("set meanwhile"))
        return reading(row, field)

    monkeypatch.setattr(ProviderSetting, "sealed_for", meanwhile)
    assert "1 changed by somebody meanwhile, 2 rotated" in rotate()
    assert ProviderSetting.objects.get(pk=rows[0].pk).key().reveal() == "set meanwhile"


def test_without_a_key_there_is_nothing_to_rotate_to(rows, settings):
    settings.ENCRYPTION_KEYS = []
    with pytest.raises(CommandError, match="PROMPTLEDGER_ENCRYPTION_KEY"):
        rotate()


def test_a_seal_opens_only_where_it_was_made_for_and_unchanged(settings):
    settings.ENCRYPTION_KEYS = [OLD]
    sealed = seal(Secret("the key"), "here")
    assert unseal(sealed, "here").reveal() == "the key"
    assert seal(Secret("the key"), "here") != sealed, "a nonce is used once"
    version, named, body = sealed.split(":")
    raw = bytearray(base64.urlsafe_b64decode(body))
    changed = []
    for place in range(len(raw)):
        raw[place] ^= 1
        changed.append(f"{version}:{named}:{base64.urlsafe_b64encode(bytes(raw)).decode()}")
        raw[place] ^= 1
    for bad in (*changed, f"v2:{named}:{body}", f"{version}:00000000:{body}", f"{version}:{named}:", "", "x", "::"):
        with pytest.raises(Unreadable):
            unseal(bad, "here")
    with pytest.raises(Unreadable):
        unseal(sealed, "there")


def test_a_secret_shows_itself_to_nobody():
    secret = Secret("the key")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", repr([secret]), repr({"key": secret})]
    assert "the key" not in "".join(shown)
    assert (secret.hide_in("it is the key!"), bool(Secret()), repr(Secret())) == ("it is (secret)!", False, "(none)")
    with pytest.raises(TypeError):
        __import__("pickle").dumps(secret)
    assert not hasattr(secret, "__dict__")


def test_a_short_encryption_key_is_refused_at_the_start():
    with pytest.raises(ImproperlyConfigured, match="key 2 has less than 32 characters"):
        read_keys(["k" * 32, "short"])
    assert [key.reveal() for key in read_keys([" " + "k" * 32, "", " "])] == ["k" * 32]


def test_local_mode_keeps_a_key_beside_the_data_and_a_server_does_not(tmp_path):
    asked = "from django.conf import settings; print(len(settings.ENCRYPTION_KEYS))"
    for local, number in (("1", "1"), ("1", "1"), ("0", "0")):
        folder = tmp_path / local
        folder.mkdir(exist_ok=True)
        environ = live.environment(folder, PROMPTLEDGER_LOCAL=local, DJANGO_SETTINGS_MODULE="promptledger.settings")
        done = subprocess.run([sys.executable, "-c", asked], cwd=live.ROOT, env=environ, capture_output=True, text=True)
        assert done.stdout.strip() == number, done.stderr
        assert (folder / "encryption_key").exists() is (local == "1")
    assert (tmp_path / "1" / "encryption_key").stat().st_mode & 0o077 == 0
