"""The command line: `crn-collector`."""

from collector.cli.main import main

__all__ = ["main"]
