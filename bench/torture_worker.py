"""The collector that the torture kills: forked from one process that has imported everything.

A fork is ready in milliseconds, and dies by `kill -9` as any process does. It connects to the
torture's socket, sends its process number, and executes commands, one a line: `round TIME` crawls
a round, `deliver` sends all that waits. Each is answered by one line.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import collector.influx.client  # noqa: F401  (imported before the fork, not after)
from collector.crawl.crawler import Crawler
from collector.crawl.round import RoundRequest, RoundTiming
from collector.service.event_loop import run_async
from collector.service.load_settings import load_settings
from collector.service.wiring import open_parts

DEADLINE_SECONDS = 20.0
DELIVER_SECONDS = 60.0


def main() -> None:
    """Fork a collector for every line on the standard input, until it ends."""
    config, socket, log = (Path(argument) for argument in sys.argv[1:4])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps children that ended
    for _ in sys.stdin:
        if os.fork() == 0:
            devnull = os.open(os.devnull, os.O_RDONLY)
            os.dup2(devnull, sys.stdin.fileno())
            logging.basicConfig(filename=log, level=logging.WARNING)
            try:
                run_async(_collect(config, socket))
            except BaseException:
                logging.exception("the collector failed")
            os._exit(0)


async def _collect(config: Path, socket: Path) -> None:
    """Execute commands until the connection is closed."""
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(f"{os.getpid()}\n".encode())
    async with open_parts(load_settings(config)) as parts:
        crawler = Crawler(parts)
        while line := (await reader.readline()).decode().split():
            match line:
                case ["round", time]:
                    timing = RoundTiming(0, DEADLINE_SECONDS)
                    result = await crawler.round(RoundRequest(int(time), timing))
                    answer = "stored" if result.receipt.stored else "waits"
                case ["deliver"]:
                    for sink in parts.sinks:
                        await sink.finish(DELIVER_SECONDS)
                    answer = "delivered"
                case _:
                    raise ValueError(line)
            writer.write(f"{answer}\n".encode())
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    main()
