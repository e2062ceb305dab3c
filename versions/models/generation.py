"""The generation of what is served: one number, counted up by the database itself (versions/guards.py)."""

from django.db import models


class ServedGeneration(models.Model):
    """A share of the generation; the sum over all rows counts. On SQLite there is one row, on PostgreSQL one for each
    writer that ever was at it at once: they must not wait for each other.

    Counted in the transaction of the change, to the present microsecond at least: a number that was seen once does
    not come again with another content, also after a backup was restored.
    """

    number = models.BigIntegerField()

    class Meta:
        db_table = "served_generation"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.number)
