"""`init-store`: create the bucket or database in InfluxDB."""

from __future__ import annotations

import typer

from collector.cli.common import settings_of
from collector.service.event_loop import run_async
from collector.service.settings import Settings
from collector.service.wiring import open_database


def init_store(context: typer.Context) -> None:
    """Create the bucket or database of the settings in InfluxDB, with its retention.

    Safe to repeat: one that exists is left as it is.
    """
    settings = settings_of(context)
    typer.echo(run_async(_prepare(settings)))


async def _prepare(settings: Settings) -> str:
    from collector.influx.provision import provision  # its client library takes half a second

    async with open_database(settings) as database:
        bucket = await provision(database, settings.influxdb.retention_days)
    kind = "bucket" if bucket.generation == "2" else "database"
    done = "created" if bucket.created else "exists, left as it is"
    kept = "unlimited" if bucket.days is None else f"{bucket.days:g} days"
    if not bucket.created and bucket.generation == "3":
        kept = "as it was created"
    return f"{kind} {bucket.name!r} {done}; retention {kept} (InfluxDB {bucket.generation})"
