"""Counting attempts exactly, however many arrive at once: one statement a count (RELIABILITY 2, ASVS 6.3.1)."""

import hashlib
import ipaddress
import time

from django.db import connection

from accounts.models import Attempts

# A window is named by its end. A process whose clock lags counts in the window that another one has opened:
# otherwise two of them would begin anew in turns.
COUNT = """
INSERT INTO attempts (key, "window", count) VALUES (%s, %s, 1)
ON CONFLICT (key) DO UPDATE SET
  count = CASE WHEN excluded."window" > attempts."window" THEN 1 ELSE attempts.count + 1 END,
  "window" = CASE WHEN excluded."window" > attempts."window" THEN excluded."window" ELSE attempts."window" END
RETURNING count
"""


def count(what: str, who: str, *, seconds: int) -> int:
    """Count one attempt by `who` at `what` and return how many there were in this window of `seconds`.

    Only a hash of `who` is kept: people type passwords into the name field.
    """
    key = f"{what}:{hashlib.sha256(who.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"
    ends = (int(time.time()) // seconds + 1) * seconds
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [key, ends])
        return cursor.fetchone()[0]


def forget() -> None:
    """Delete the counters whose window is over, so that names which somebody made up do not pile up."""
    Attempts.objects.filter(window__lte=int(time.time())).delete()


def network(address: str) -> str:
    """Return what one caller is known by: an IPv4 address, or the /64 of an IPv6 one, of which anybody has plenty."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.version == 4:
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.IPv6Network((ip, 64), strict=False))
