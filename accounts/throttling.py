"""Counting attempts exactly, however many arrive at once: one statement a count (RELIABILITY 2, ASVS 6.3.1)."""

import hashlib
import time

from django.db import connection

COUNT = """
INSERT INTO attempts (key, "window", count) VALUES (%s, %s, 1)
ON CONFLICT (key) DO UPDATE SET
  count = CASE WHEN attempts."window" = excluded."window" THEN attempts.count + 1 ELSE 1 END,
  "window" = excluded."window"
RETURNING count
"""


def count(what: str, who: str, *, seconds: int) -> int:
    """Count one attempt by `who` at `what` and return how many there were in this window of `seconds`."""
    key = f"{what}:{hashlib.sha256(who.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [key, int(time.time()) // seconds])
        return cursor.fetchone()[0]
