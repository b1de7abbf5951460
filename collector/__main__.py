"""The command `crn-collector`, also as `python -m collector`."""

from __future__ import annotations

import sys

from collector.cli.streams import prepare_streams
from collector.errors import Exit
from collector.service.signals import end_at_signals


def main() -> None:
    """Run the command line. Ends the process with one of `Exit`, or by a signal.

    Streams and signals come first: the commands take most of a second to import, and process 1 of a
    container ignores a signal without a handler.
    """
    prepare_streams()
    end_at_signals()
    try:
        from collector.cli.main import run_command

        run_command()
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)


if __name__ == "__main__":
    main()
