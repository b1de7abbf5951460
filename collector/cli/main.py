"""The commands, what they have in common, and how errors end them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from collector import __version__
from collector.cli import (
    check_config,
    crawl,
    demo,
    events,
    health,
    init_store,
    nodes,
    probe,
    run,
    simulate,
    spool,
)
from collector.errors import CollectorError, Exit

_EPILOG = (
    "Exit codes: 0 well, 1 a bug, 2 wrong settings or arguments, 3 no list of nodes, 4 data "
    "directory unusable, 5 data directory in use, 6 data directory of a newer version, 7 the node "
    "probed is not reachable, 8 the database does not answer or refuses, 9 not healthy, 10 the "
    "simulated network is not installed, 130 forced to stop."
)

app = typer.Typer(
    name="crn-collector",
    help="Crawls every compute node of the Aleph Cloud network and keeps what it saw.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"crn-collector {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", envvar="CRN_CONFIG", help="TOML file with settings.", metavar="FILE"
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    context.obj = config


app.command("run")(run.run)
app.command("crawl")(crawl.crawl)
app.command("probe")(probe.probe)
app.command("nodes")(nodes.nodes)
app.command("events")(events.events)
app.command("health")(health.health)
app.command("demo")(demo.demo)
app.command("simulate")(simulate.simulate)
app.command("init-store")(init_store.init_store)
app.add_typer(spool.app, name="spool")
app.command("check-config")(check_config.check_config)


def main() -> None:
    """Run the command line; end with an exit code that means something."""
    try:
        app()
    except CollectorError as exc:
        typer.secho(f"error: {exc}", fg="red", err=True)
        if exc.advice:
            typer.echo(f"  {exc.advice}", err=True)
        sys.exit(exc.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.OK)
