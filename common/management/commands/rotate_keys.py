"""`manage.py rotate_keys`: seals every stored secret under the first key of PROMPTLEDGER_ENCRYPTION_KEY."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models

from common import secrets


class Command(BaseCommand):
    help = (
        "Encrypt every stored key under the first key of PROMPTLEDGER_ENCRYPTION_KEY. Put the new key first, keep the "
        "old one behind it after a comma, run this, then take the old one away."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Only say what there is; write nothing.")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        present = secrets.present_key_id()
        if not present:
            raise CommandError("Set PROMPTLEDGER_ENCRYPTION_KEY first: there is no key to encrypt under.")
        counted: Counter[str] = Counter()
        for row, field in sealed():
            done = "under it already" if secrets.key_id(getattr(row, field)) == present else "rotated"
            try:
                fresh = secrets.unseal(getattr(row, field), row.sealed_for(field))
            except secrets.Unreadable as why:
                self.stderr.write(f"{row._meta.verbose_name} {row.pk} ({row}): {why}.")
                done = "unreadable"
            else:
                if done == "rotated" and not check and not replaced(row, field, fresh):
                    done = "changed by somebody meanwhile"
            counted["to rotate" if check and done == "rotated" else done] += 1
        said = ", ".join(f"{number} {what}" for what, number in sorted(counted.items())) or "nothing is stored"
        self.stdout.write(f"Key {present}: {said}.")
        if counted["unreadable"]:
            raise CommandError("What is unreadable is left as it is: add its key behind the first, or enter it again.")


def sealed() -> Iterator[tuple[Any, str]]:
    """Every row that holds a sealed secret, and the field that holds it."""
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, secrets.SealedField):
                rows: models.QuerySet[Any] = model._default_manager.exclude(**{field.name: ""}).order_by("pk")
                for row in rows.iterator():
                    yield row, field.name


def replaced(row: Any, field: str, secret: secrets.Secret) -> bool:
    """Seal anew, unless somebody set another secret in the meantime."""
    rows = type(row)._default_manager.filter(pk=row.pk, **{field: getattr(row, field)})
    return bool(rows.update(**{field: secrets.seal(secret, row.sealed_for(field))}))
