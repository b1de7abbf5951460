"""The directory as the rounds see it: fresh, old, shrunken, late, absent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from aiohttp import web

from collector.directory import Directory, RefreshRules, Source
from collector.directory.aggregate import CORECHANNEL, SETTINGS
from collector.directory.cache import CacheStorage
from collector.errors import DirectoryError, Exit
from collector.model.listing import NetworkSettings
from tests.support.api_hosts import HOSTS, Api, Serve
from tests.support.directory_fakes import (
    BrokenCopies,
    Clock,
    MemoryCopies,
    corechannel,
    digest,
    entry,
    nodes,
    settings,
)

ONE, TWO, THREE = HOSTS
REFRESH = 300.0

Open = Callable[..., Directory]


@pytest.fixture
async def opened(
    session: aiohttp.ClientSession, clock: Clock, copies: MemoryCopies
) -> AsyncIterator[Open]:
    """Makes a directory over the hosts; closed after the test."""
    directories = []

    def make(
        hosts: tuple[str, ...] = HOSTS, at: CacheStorage = copies, wait: float = 30.0
    ) -> Directory:
        directories.append(
            Directory(Source(session, hosts), at, RefreshRules(REFRESH, wait), clock)
        )
        return directories[-1]

    yield make
    for directory in directories:
        await directory.aclose()


async def test_fresh(api: Api, opened: Open, clock: Clock) -> None:
    """The first call asks, later ones answer from memory until the list is old enough."""
    api.answer(ONE, nodes(3))
    api.answer(ONE, nodes(4))
    api.settle(settings())
    directory = opened()
    first = await directory.listing()
    assert ([node.hash for node in first.nodes], first.age_seconds) == (
        [digest(0), digest(1), digest(2)],
        0.0,
    )
    assert first.settings == NetworkSettings({"10de:26b9": "L40S"}, "1.7.2")
    clock.now += REFRESH - 1
    assert (await directory.listing()).age_seconds == REFRESH - 1
    assert api.asked() == {ONE: 1}
    clock.now += 1
    later = await directory.listing()
    assert (len(later.nodes), later.age_seconds) == (4, 0.0)


async def test_clock_set_back(api: Api, opened: Open, clock: Clock) -> None:
    """A clock that was set back asks again and never makes a negative age."""
    api.answer(ONE, nodes(3))
    api.answer(ONE, status=500)
    api.answer(TWO, status=500)
    api.answer(THREE, status=500)
    api.settle(settings())
    directory = opened()
    await directory.listing()
    clock.now -= 86_400
    assert (await directory.listing()).age_seconds == 0.0
    assert api.asked() == {ONE: 2, TWO: 1, THREE: 1}


async def test_duplicates(api: Api, opened: Open) -> None:
    """Every hash is in the listing once, and what was not chosen is told."""
    api.answer(ONE, corechannel(entry(1, address="b.b"), entry(2), entry(1, address="a.b")))
    api.settle(settings())
    listing = await opened().listing()
    assert [node.address for node in listing.nodes] == [
        "https://a.b",
        "https://node-2.example.org",
    ]
    assert listing.duplicate_hashes == {digest(1): ("https://b.b",)}


async def test_hosts_fail_later(
    api: Api, opened: Open, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """While all hosts fail the last list goes on, its age grows, and that is said once."""
    api.answer(ONE, nodes(3))
    for host in HOSTS:
        api.answer(host, status=502, repeat=True)
    api.settle(settings())
    directory = opened()
    await directory.listing()
    for age in (REFRESH, 2 * REFRESH):
        clock.now += REFRESH
        listing = await directory.listing()
        assert (len(listing.nodes), listing.age_seconds) == (3, age)
    assert caplog.messages == [
        *(f"{host} did not provide the aggregate corechannel: HTTP 502" for host in HOSTS),
        "no API host provides corechannel, the last one stays in use (300 s old)",
    ]


async def test_no_list_at_all(api: Api, opened: Open) -> None:
    """Without any list the error names each host, its reason and what to do; the next call asks."""
    api.answer(ONE, status=502)
    api.answer(TWO, b"<html>")
    api.answer(THREE, exception=TimeoutError())
    api.answer(ONE, nodes(1))
    api.settle(settings())
    directory = opened()
    with pytest.raises(DirectoryError) as caught:
        await directory.listing()
    assert str(caught.value) == (
        "no list of nodes: nothing is cached, and no API host provided it ("
        f"{ONE}: HTTP 502; {TWO}: not JSON (invalid character (byte 0)); "
        f"{THREE}: no complete answer within 20 s)."
    )
    assert "--directory FILE" in caught.value.advice
    assert caught.value.exit_code is Exit.NO_DIRECTORY
    assert len((await directory.listing()).nodes) == 1


async def test_no_hosts(opened: Open) -> None:
    """A directory without hosts says that none is configured."""
    with pytest.raises(DirectoryError, match="none is configured"):
        await opened(hosts=()).listing()


async def test_settings_fail(api: Api, opened: Open, clock: Clock) -> None:
    """Settings that cannot be had never cost the list, and a later good answer is taken."""
    api.answer(ONE, nodes(1), repeat=True)
    for host in HOSTS:
        api.answer(host, b"{}", SETTINGS)
    api.answer(ONE, settings("1.8.0"), SETTINGS)
    for host in HOSTS:
        api.answer(host, b"{}", SETTINGS, repeat=True)
    directory = opened()
    assert (await directory.listing()).settings == NetworkSettings()
    for _ in range(2):
        clock.now += REFRESH
        assert (await directory.listing()).settings.last_crn_version == "1.8.0"


async def test_restart_fresh(api: Api, opened: Open, clock: Clock) -> None:
    """After a restart a fresh copy of both is used at once, and nobody is asked."""
    api.answer(ONE, nodes(3))
    api.settle(settings())
    await opened().listing()
    clock.now += 100
    listing = await opened().listing()
    assert (len(listing.nodes), listing.age_seconds) == (3, 100.0)
    assert listing.settings.last_crn_version == "1.7.2"
    assert (api.asked(), api.asked(SETTINGS)) == ({ONE: 1}, {ONE: 1})


async def test_restart_without_hosts(
    api: Api, opened: Open, clock: Clock, copies: MemoryCopies
) -> None:
    """After a restart with all hosts down the old copy is used, with its age."""
    copies.bodies["corechannel"] = (nodes(3), clock.now - 86_400)
    copies.bodies["settings"] = (settings(), clock.now - 86_400)
    for host in HOSTS:
        api.answer(host, status=503)
        api.answer(host, b"", SETTINGS, status=503)
    listing = await opened().listing()
    assert (len(listing.nodes), listing.age_seconds) == (3, 86_400.0)
    assert listing.settings.last_crn_version == "1.7.2"


async def test_copy_of_another_time(
    api: Api, opened: Open, clock: Clock, copies: MemoryCopies
) -> None:
    """A copy from the future does not keep the directory from asking."""
    copies.bodies["corechannel"] = (nodes(3), clock.now + 86_400)
    api.answer(ONE, nodes(4))
    api.settle(settings())
    assert len((await opened().listing()).nodes) == 4


async def test_broken_copy(
    api: Api,
    opened: Open,
    clock: Clock,
    copies: MemoryCopies,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A copy that is no aggregate is ignored with a warning and replaced."""
    copies.bodies["corechannel"] = (b"\x00" * 99, clock.now)
    api.answer(ONE, nodes(3))
    api.settle(settings())
    assert len((await opened().listing()).nodes) == 3
    assert caplog.messages == [
        "cached aggregate corechannel is not JSON (invalid character (byte 0)): ignored"
    ]
    assert copies.bodies["corechannel"] == (nodes(3), clock.now)


async def test_no_place_for_copies(
    api: Api, opened: Open, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A place that neither gives nor takes copies costs one warning each and nothing else."""
    api.answer(ONE, nodes(3), repeat=True)
    api.settle(settings())
    directory = opened(at=BrokenCopies())
    for _ in range(3):
        assert len((await directory.listing()).nodes) == 3
        clock.now += REFRESH
    assert sum("'corechannel' cannot be saved" in message for message in caplog.messages) == 1


async def test_shrunken_list(api: Api, opened: Open, clock: Clock, copies: MemoryCopies) -> None:
    """A list that lost most of its nodes is accepted at the third fetch; until then age grows."""
    api.answer(ONE, nodes(10))
    for host in (ONE, TWO, THREE):
        api.answer(host, nodes(4))
    api.settle(settings())
    directory = opened()
    await directory.listing()
    seen = []
    for _ in range(3):
        clock.now += REFRESH
        listing = await directory.listing()
        seen.append((len(listing.nodes), listing.age_seconds))
    assert seen == [(10, 300.0), (10, 600.0), (4, 0.0)]
    assert api.asked() == {ONE: 2, TWO: 1, THREE: 1}
    assert copies.bodies["corechannel"] == (nodes(4), clock.now)


async def test_shrunken_list_of_one_host(
    api: Api, opened: Open, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A host that lost its nodes is moved last: the next fetch asks another, and is accepted."""
    api.answer(ONE, nodes(10))
    api.answer(ONE, nodes(1), repeat=True)
    api.answer(TWO, nodes(10), repeat=True)
    api.settle(settings())
    directory = opened()
    for _ in range(6):
        assert len((await directory.listing()).nodes) == 10
        clock.now += REFRESH
    assert api.asked() == {ONE: 2, TWO: 4}
    assert len(caplog.messages) == 1


async def test_shrunken_after_restart(
    api: Api, opened: Open, clock: Clock, copies: MemoryCopies
) -> None:
    """The copy of the list before a restart guards too."""
    copies.bodies["corechannel"] = (nodes(10), clock.now - REFRESH)
    api.answer(ONE, nodes(1))
    api.settle(settings())
    assert len((await opened().listing()).nodes) == 10


async def test_bad_entries_said_once(
    api: Api, opened: Open, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Unreadable entries are one line in the log as long as their number stays."""
    api.answer(ONE, corechannel(entry(1), {}, None), repeat=True)
    api.settle(settings())
    directory = opened()
    for _ in range(3):
        assert len((await directory.listing()).nodes) == 1
        clock.now += REFRESH
    assert caplog.messages == [
        "2 entries of the list of nodes cannot be read and are left out, 1 are good"
    ]


class _Gate:
    """A host that answers when it is let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.asked = asyncio.Event()
        self.count = 2

    async def answer(self, request: web.Request) -> web.Response:
        if request.query["keys"] == SETTINGS.key:
            return web.Response(body=settings())
        self.asked.set()
        await self.open.wait()
        return web.Response(body=nodes(self.count))


async def test_late_refresh_delays_no_round(
    opened: Open, serve: Serve, clock: Clock, copies: MemoryCopies
) -> None:
    """A refresh that hangs is waited for a moment once; the last list goes on until it is done."""
    gate = _Gate()
    copies.bodies["corechannel"] = (nodes(1), clock.now - REFRESH)
    directory = opened(hosts=(await serve(gate.answer),), wait=0.5)
    assert len((await directory.listing()).nodes) == 1
    await gate.asked.wait()
    clock.now += 60
    loop = asyncio.get_running_loop()
    before = loop.time()
    assert (await directory.listing()).age_seconds == REFRESH + 60
    assert loop.time() - before < 0.5
    gate.open.set()
    refresh = next(t for t in asyncio.all_tasks() if t.get_name() == "directory-corechannel")
    await refresh
    assert len((await directory.listing()).nodes) == 2


async def test_first_list_is_waited_for(opened: Open, serve: Serve) -> None:
    """Where there is no list at all it is waited for, by all callers together, asked once."""
    gate = _Gate()
    directory = opened(hosts=(await serve(gate.answer),), wait=0.01)
    calls = [asyncio.create_task(directory.listing()) for _ in range(3)]
    await gate.asked.wait()
    done, _ = await asyncio.wait(calls, timeout=0.05)
    assert done == set()
    gate.open.set()
    assert [len((await call).nodes) for call in calls] == [2, 2, 2]


async def test_close_under_way(opened: Open, serve: Serve) -> None:
    """Closing cancels the refresh under way; a caller that waits is told, nothing hangs."""
    gate = _Gate()
    directory = opened(hosts=(await serve(gate.answer),), wait=0.01)
    call = asyncio.create_task(directory.listing())
    await gate.asked.wait()
    await directory.aclose()
    with pytest.raises(DirectoryError, match="stopped before one answered"):
        await call


async def test_cancelled_caller(opened: Open, serve: Serve) -> None:
    """A caller that is cancelled leaves the refresh running for the next one."""
    gate = _Gate()
    directory = opened(hosts=(await serve(gate.answer),))
    call = asyncio.create_task(directory.listing())
    await gate.asked.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    gate.open.set()
    assert len((await directory.listing()).nodes) == 2


async def test_bug_of_ours(
    opened: Open, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """An unexpected error is logged with its traceback and does not stop the collector silently."""
    await session.close()
    caplog.set_level(logging.ERROR)
    with pytest.raises(DirectoryError, match="its traceback is in the log"):
        await opened().listing()
    assert "the aggregate corechannel could not be refreshed" in caplog.messages
    assert all(record.exc_info for record in caplog.records)


def test_published_by_one_account() -> None:
    """The aggregates are those of the accounts that keep them today."""
    assert CORECHANNEL.owner == "0xa1B3bb7d2332383D96b7796B908fB7f7F3c2Be10"
    assert SETTINGS.owner == "0xFba561a84A537fCaa567bb7A2257e7142701ae2A"
