"""Documents on their way into the cache and out of it."""

from __future__ import annotations

import gzip
import logging

import pytest

from collector.directory.cache import BestEffortCache
from tests.support.directory_fakes import MemoryCopies

LONG = b'{"x": "' + b"y" * 2**20 + b'"}'


async def test_long_document_is_saved_gzipped(copies: MemoryCopies) -> None:
    """A list of thousands of nodes takes a fraction of its bytes in the storage."""
    cache = BestEffortCache(copies)
    await cache.save("list", memoryview(LONG), 1.0)
    assert gzip.decompress(copies.bodies["list"][0]) == LONG
    assert await cache.load("list") == (LONG, 1.0)


async def test_long_document_of_an_earlier_version_is_loaded(copies: MemoryCopies) -> None:
    """A document that was saved before long ones were gzipped is read as it is."""
    await copies.save("list", LONG, 1.0)
    assert await BestEffortCache(copies).load("list") == (LONG, 1.0)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(gzip.compress(LONG)[:-100], id="cut-off"),
        pytest.param(gzip.compress(LONG)[:-8] + bytes(8), id="checksum"),
        pytest.param(b"\x1f\x8b" + bytes(100), id="no-header"),
        pytest.param(gzip.compress(LONG)[:20] + b"\xff" * 100, id="no-stream"),
    ],
)
async def test_damaged_document_is_ignored(
    copies: MemoryCopies, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    """A gzipped document that cannot be unpacked is as good as none, with a warning."""
    await copies.save("list", body, 1.0)
    with caplog.at_level(logging.WARNING):
        assert await BestEffortCache(copies).load("list") is None
    assert "'list' cannot be loaded: the copy is damaged" in caplog.text
