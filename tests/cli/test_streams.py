"""Standard streams that are closed, full, left by their reader, or in an encoding of little use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from collector.errors import Exit
from tests.support.command import clean_environment

ROOT = Path(__file__).parents[2]
PREPARED = "from collector.cli.streams import prepare_streams; prepare_streams()\n"


def run_in_shell(
    script: str, redirection: str, folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a Python script with its standard streams redirected by a shell."""
    return subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {redirection}', sys.executable, script],
        cwd=ROOT,
        env=clean_environment(folder) | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"], ids=["in", "out", "error", "all"]
)
def test_a_closed_stream_is_the_null_device(closed: str, tmp_path: Path) -> None:
    """What is opened later does not take its place, and an event loop opens and closes as ever."""
    script = (
        f"{PREPARED}import os, sys, asyncio\n"
        "from collector.service.event_loop import run_async\n"
        "assert os.open('/dev/null', os.O_RDONLY) > 2\n"
        "assert sys.stdin.read() == ''\n"
        "async def nothing(): return 7\n"
        "print('printed'); print('an error', file=sys.stderr)\n"
        "raise SystemExit(run_async(nothing()))"
    )
    assert run_in_shell(script, f"</dev/null {closed}", tmp_path).returncode == 7


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [
        pytest.param("ascii", r"Z\xfcrich \U0001f980 \udcff", id="ascii"),
        pytest.param("latin-1", r"Zürich \U0001f980 \udcff", id="latin-1"),
        pytest.param("utf-8", r"Zürich 🦀 \udcff", id="utf-8"),
    ],
)
def test_text_that_the_encoding_lacks_is_escaped(
    encoding: str, printed: str, tmp_path: Path
) -> None:
    """A name with an emoji, or an argument that is no text, is printed in any encoding."""
    script = f"{PREPARED}import sys; print({'Zürich 🦀 ' + chr(0xDCFF)!a})"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, env=clean_environment(tmp_path) | {"PYTHONIOENCODING": encoding},
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode(encoding) == f"{printed}\n"


@pytest.mark.parametrize(
    "printing",
    [
        pytest.param("print('x' * 100_000)", id="print"),
        pytest.param("import typer; typer.echo('x')", id="echo"),
        pytest.param("import typer; typer.echo(b'x', nl=False)", id="bytes"),
        pytest.param("from rich.console import Console; Console().print('x')", id="rich"),
    ],
)
@pytest.mark.parametrize(
    ("before", "redirection", "ended"),
    [
        pytest.param(
            "import os; r, w = os.pipe(); os.dup2(w, 1); os.close(w); os.close(r)\n",
            "",
            (Exit.OK, ""),
            id="reader-left",
        ),
        pytest.param(
            "",
            ">/dev/full",
            (1, "the standard output cannot be written: No space left on device 11\n"),
            id="disk-full",
        ),
    ],
)
def test_output_that_cannot_be_written(
    printing: str, before: str, redirection: str, ended: tuple[int, str], tmp_path: Path
) -> None:
    """A reader that leaves ends the command as a success; any other failure is an error."""
    script = (
        f"{before}{PREPARED}from collector.errors import OutputError\n"
        f"try: {printing}; import sys; sys.stdout.flush()\n"
        "except OutputError as error: raise SystemExit(f'{error} {error.exit_code}')\n"
        "raise SystemExit('nothing failed')"
    )
    done = run_in_shell(script, redirection, tmp_path)
    assert (done.returncode, done.stderr) == ended


@pytest.mark.slow
def test_a_full_disk_ends_a_command_with_its_own_code(tmp_path: Path) -> None:
    """The help and the version too say that they could not be printed."""
    script = "from collector.__main__ import main; import sys; sys.argv[1:] = ['--version']; main()"
    done = run_in_shell(script, ">/dev/full", tmp_path)
    assert done.returncode == Exit.OUTPUT
    assert done.stderr.startswith("error: the standard output cannot be written: No space left")


def test_messages_that_cannot_be_written_end_nothing(tmp_path: Path) -> None:
    """A log on a full disk, or a closed terminal, is dropped, and the work goes on."""
    script = (
        f"{PREPARED}import sys\n"
        "from collector.cli.log import log_to_stderr; import logging\n"
        "log_to_stderr('INFO'); logging.getLogger('x').warning('lost')\n"
        "print('lost', file=sys.stderr); print('done')"
    )
    done = run_in_shell(script, "2>/dev/full", tmp_path)
    assert (done.returncode, done.stdout) == (0, "done\n")
