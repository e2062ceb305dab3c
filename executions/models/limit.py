"""How much a provider was asked of late: one row a provider, counted under its lock (RELIABILITY 2, ASVS 2.4.1)."""

from django.db import models


class ProviderUse(models.Model):
    """Calls in the present window. The row is also what callers queue up at, so that counts are exact."""

    provider = models.CharField(max_length=40, primary_key=True)
    window = models.BigIntegerField(default=0)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "provider_use"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.provider} {self.count}"
