"""What an operator does to the spool and to rejected lines.

Functions on a connection, inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from itertools import groupby
from operator import itemgetter

from collector.model.batch import BatchLimits, to_batches
from collector.store import spool

_BY_INFLUXDB = "store = 'influxdb'"


def purge_spool(connection: sqlite3.Connection, before: int | None) -> int:
    """Delete what waits for delivery, of rounds before a time or all; return how many points."""
    where = "time < ?" if before is not None else "? IS NULL"
    sql = f"SELECT COALESCE(sum(points), 0) FROM spool WHERE {where}"
    (points,) = connection.execute(sql, (before,)).fetchone()
    connection.execute(f"DELETE FROM spool WHERE {where}", (before,))
    return int(points)


def purge_rejected(connection: sqlite3.Connection) -> int:
    """Delete all rejected lines; return how many."""
    return connection.execute("DELETE FROM rejected").rowcount


def retry_rejected(connection: sqlite3.Connection, limits: BatchLimits) -> int:
    """Let the lines that InfluxDB rejected wait for delivery again; return how many."""
    rows = connection.execute(
        f"SELECT time, line FROM rejected WHERE {_BY_INFLUXDB} ORDER BY time, id"
    ).fetchall()
    for time, lines in groupby(rows, key=itemgetter(0)):
        spool.add(connection, to_batches(time, (f"{line}\n".encode() for _, line in lines), limits))
    connection.execute(f"DELETE FROM rejected WHERE {_BY_INFLUXDB}")
    return len(rows)
