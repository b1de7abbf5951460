"""`init-store`: the bucket or database in InfluxDB."""

from __future__ import annotations

import typer

from collector.cli.common import settings_of
from collector.service.event_loop import run_async
from collector.service.settings import Settings
from collector.service.wiring import open_database


def init_store(context: typer.Context) -> None:
    """Make the bucket or database of the settings in InfluxDB, with its retention. Safe to repeat:
    what is there is left as it is."""
    settings = settings_of(context)
    typer.echo(run_async(_prepare(settings)))


async def _prepare(settings: Settings) -> str:
    from collector.influx.provision import provision  # its client library takes half a second

    async with open_database(settings) as database:
        bucket = await provision(database, settings.influxdb.retention_days)
    kind = "bucket" if bucket.generation == "2" else "database"
    done = "made" if bucket.created else "there already, left as it is"
    kept = "for ever" if bucket.days is None else f"for {bucket.days:g} days"
    if not bucket.created and bucket.generation == "3":
        kept = "as long as it was made for"
    return f"{kind} {bucket.name!r} {done}; it keeps points {kept} (InfluxDB {bucket.generation})"
