"""The commands, what they have in common, and how errors end them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

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
from collector.cli.common import given_text
from collector.cli.registration import add_command, exit_codes
from collector.errors import CollectorError, Exit
from collector.text import escaped

app = typer.Typer(
    name="crn-collector",
    help="Crawl every compute node (CRN) of the Aleph Cloud network and keep the history.",
    epilog=exit_codes(),
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
        str | None,
        typer.Option(
            *("--config", "-c"),
            envvar="CRN_CONFIG",
            help="TOML file with settings.",
            metavar="FILE",
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    named = given_text(config)
    context.obj = Path(named) if named else None


_STORE_CODES = (Exit.DATA_DIRECTORY, Exit.LOCKED, Exit.TOO_NEW)
_READ_CODES = (Exit.OK, Exit.CONFIGURATION, Exit.DATA_DIRECTORY, Exit.TOO_NEW)
_COMMANDS: Final[tuple[tuple[str, Callable[..., None], tuple[Exit, ...]], ...]] = (
    ("run", run.run, (Exit.OK, Exit.CONFIGURATION, *_STORE_CODES, Exit.INTERRUPTED)),
    ("crawl", crawl.crawl, (Exit.OK, Exit.CONFIGURATION, Exit.NO_DIRECTORY, *_STORE_CODES)),
    ("probe", probe.probe, (Exit.OK, Exit.CONFIGURATION, Exit.NOT_REACHABLE)),
    ("nodes", nodes.nodes, _READ_CODES),
    ("events", events.events, _READ_CODES),
    ("health", health.health, (Exit.OK, Exit.CONFIGURATION, Exit.UNHEALTHY)),
    ("demo", demo.demo, (Exit.OK, Exit.CONFIGURATION, *_STORE_CODES, Exit.NOT_INSTALLED)),
    ("simulate", simulate.simulate, (Exit.OK, Exit.CONFIGURATION, Exit.NOT_INSTALLED)),
    ("init-store", init_store.init_store, (Exit.OK, Exit.CONFIGURATION, Exit.DATABASE)),
    ("check-config", check_config.check_config, (Exit.OK, Exit.CONFIGURATION)),
)
"""Name, function and the exit codes to expect."""

for _name, _command, _codes in _COMMANDS:
    add_command(app, _name, _command, *_codes)
app.add_typer(spool.app, name="spool")


def run_command() -> None:
    """Run the command of the arguments. Ends the process with one of `Exit`."""
    try:
        app()
    except CollectorError as exc:
        typer.secho(f"error: {escaped(str(exc))}", fg="red", err=True)
        if exc.advice:
            typer.echo(f"  {exc.advice}", err=True)
        sys.exit(exc.exit_code)
