"""How one batch is sent, and what it costs, when the database refuses it."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from collector.influx.advice import Advice
from collector.influx.batch_sender import WRITES_LIMIT, BatchSender
from collector.influx.write_result import Fate, WriteResult
from collector.model.batch import Batch

ACCEPT = WriteResult(Fate.ACCEPT)
UNCLEAR = WriteResult(Fate.UNCLEAR, "400 bad request")
REJECT = WriteResult(Fate.REJECT, "400 unable to parse 'a'")
SPLIT = WriteResult(Fate.SPLIT, "413")
TOKEN = WriteResult(Fate.BLOCKED, "401", Advice.TOKEN)


class Sent:
    """A batch of `count` numbered lines and how it was sent; `answer` gets lines."""

    def __init__(
        self, count: int, answer: Callable[[list[int]], WriteResult], measurements: int = 1
    ) -> None:
        names = ["m", *(f"m{number}" for number in range(1, measurements))]
        lines = [f"{names[n % measurements]} v={n} 60\n".encode() for n in range(count)]
        self.writes: list[list[int]] = []
        self._answer = answer
        self.sender = BatchSender(Batch.pack(60, lines), self._write)

    async def _write(self, body: bytes) -> WriteResult:
        lines = gzip.decompress(body).splitlines()
        self.writes.append([int(line.split(b"=")[1].split()[0]) for line in lines])
        return self._answer(self.writes[-1])

    @property
    def rejected(self) -> list[int]:
        """The lines that were rejected."""
        return sorted(int(line.split("=")[1].split()[0]) for line, _ in self.sender.result.rejected)


@pytest.mark.parametrize(("count", "writes"), [(1, 2), (5, 6), (8, 9), (100, 9), (5_000, 9)])
async def test_request_is_refused(count: int, writes: int) -> None:
    """If no single line is accepted, it was about the request: everything is kept, cheaply."""
    sent = Sent(count, lambda _: UNCLEAR)
    failure = await sent.sender.send()
    assert failure == WriteResult(Fate.BLOCKED, "400 bad request", Advice.REQUEST, is_suspect=True)
    assert (sent.sender.has_result, len(sent.writes)) == (False, writes)
    assert sum(batch.points for batch in await sent.sender.remaining()) == count


@pytest.mark.parametrize("words", [UNCLEAR, REJECT], ids=["unclear", "named"])
@pytest.mark.parametrize(
    "bad", [{0}, {99}, {0, 13, 14, 26, 39}, set(range(99)), set(range(0, 100, 2))], ids=len
)
async def test_lines_are_refused(bad: set[int], words: WriteResult) -> None:
    """If any line is accepted, the others are at fault, whatever the words."""
    sent = Sent(100, lambda lines: words if bad.intersection(lines) else ACCEPT)
    failure = await sent.sender.send()
    if words is UNCLEAR and bad == set(range(99)):  # none of the sample was accepted
        assert failure
        assert failure.fate is Fate.BLOCKED
        assert not sent.sender.has_result
    else:
        assert failure is None
        assert sent.rejected == sorted(bad)
        assert sent.sender.result.accepted == 100 - len(bad)
    assert len(sent.writes) <= 2 * 100 + 8


async def test_every_line_is_bad() -> None:
    """A batch of bad lines only, refused in words about lines, blocks nothing for ever."""
    sent = Sent(100, lambda _: REJECT)
    assert await sent.sender.send() is None
    assert (sent.rejected, len(sent.writes)) == (list(range(100)), 199)


async def test_words_that_differ_and_tell_nothing() -> None:
    """A number of the request in the words of a proxy makes no line bad."""
    sent = Sent(100, lambda lines: WriteResult(Fate.UNCLEAR, f"400 request {lines[0]}"), 12)
    failure = await sent.sender.send()
    assert failure
    assert failure.fate is Fate.BLOCKED
    assert not sent.sender.has_result


async def test_same_words_for_every_measurement() -> None:
    """Words about a line that are the same whatever is written are not about lines."""
    sent = Sent(100, lambda _: REJECT, measurements=12)
    failure = await sent.sender.send()
    assert failure
    assert (failure.fate, failure.advice, len(sent.writes)) == (Fate.BLOCKED, Advice.REQUEST, 9)
    assert not sent.sender.has_result


async def test_words_for_each_line() -> None:
    """Bad lines of several measurements that are each named are rejected, at one write more."""
    sent = Sent(
        100,
        lambda lines: WriteResult(Fate.REJECT, f"400 unable to parse 'm v={lines[0]}'"),
        measurements=12,
    )
    assert await sent.sender.send() is None
    assert (sent.rejected, len(sent.writes)) == (list(range(100)), 201)


async def test_count_of_the_database() -> None:
    """A database that counts every line as refused needs no second request."""
    sent = Sent(100, lambda lines: WriteResult(Fate.REJECT, "400 type", refused=len(lines)))
    assert await sent.sender.send() is None
    assert (sent.rejected, len(sent.writes)) == (list(range(100)), 1)
    some = Sent(4, lambda lines: WriteResult(Fate.REJECT, "400 type", refused=1))
    assert await some.sender.send() is None
    assert (some.rejected, len(some.writes)) == ([0, 1, 2, 3], 7)


async def test_turn_is_bounded() -> None:
    """A batch gives way after some requests; what is left of it is disjoint from what is done."""
    sent = Sent(5_000, lambda _: REJECT)
    assert await sent.sender.send() is None
    left = sum(batch.points for batch in await sent.sender.remaining())
    assert len(sent.writes) == WRITES_LIMIT
    assert left + len(sent.rejected) == 5_000


async def test_too_large_for_ever() -> None:
    """If even a single line is too large, something between is wrong, not the line."""
    sent = Sent(64, lambda _: SPLIT)
    failure = await sent.sender.send()
    assert failure
    assert (failure.fate, failure.advice, len(sent.writes)) == (Fate.BLOCKED, Advice.REQUEST, 7)
    assert not sent.sender.has_result


@pytest.mark.parametrize("words", [UNCLEAR, REJECT, SPLIT], ids=["unclear", "named", "large"])
async def test_failure_in_between(words: WriteResult) -> None:
    """A failure while a batch is taken apart keeps what is not decided."""
    sent = Sent(64, lambda lines: words if len(lines) > 40 else TOKEN)
    assert await sent.sender.send() == TOKEN
    assert sum(batch.points for batch in await sent.sender.remaining()) == 64
