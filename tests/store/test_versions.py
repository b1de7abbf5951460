"""A file outlives versions: columns appear, unknown ones stay, newer formats are refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from collector.errors import Exit, TooNewError
from collector.schema.column import Point, integer, real, tag
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, Reader
from tests.support.sample_points import ALL, sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Old(Point):
    """What an older version wrote."""

    MEASUREMENT: ClassVar[str] = "garden"

    bed: str = tag("Where")
    worms: int | None = integer("How many")


@dataclass(frozen=True, slots=True, kw_only=True)
class New(Point):
    """The same measurement in a newer version, with a column before and one behind."""

    MEASUREMENT: ClassVar[str] = "garden"

    bed: str = tag("Where")
    acidity: float | None = real("pH")
    worms: int | None = integer("How many")
    snails: int | None = integer("How many")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged(Point):
    """The same measurement in a newer version, with one more tag."""

    MEASUREMENT: ClassVar[str] = "garden"

    bed: str = tag("Where")
    garden: str = tag("Whose", before="0")
    worms: int | None = integer("How many")


async def test_new_column_appears(tmp_path: Path) -> None:
    """A newer version adds its columns at open; what was stored has none of them."""
    await _store(tmp_path, Old(time=60, bed="a", worms=1))
    await _store(tmp_path, New(time=120, bed="a", acidity=6.5, worms=2, snails=3))
    assert _garden(tmp_path) == [
        {"time": 60, "bed": "a", "worms": 1, "acidity": None, "snails": None},
        {"time": 120, "bed": "a", "worms": 2, "acidity": 6.5, "snails": 3},
    ]


async def test_unknown_column_stays(tmp_path: Path) -> None:
    """An older version keeps columns that it does not know, and the view still shows them."""
    await _store(tmp_path, New(time=60, bed="a", acidity=6.5, snails=3))
    await _store(tmp_path, Old(time=60, bed="a", worms=1))
    assert _garden(tmp_path) == [{"time": 60, "bed": "a", "acidity": 6.5, "worms": 1, "snails": 3}]


async def test_new_tag_appears(tmp_path: Path) -> None:
    """A newer version adds its tags at open; what was stored has the value that it is given."""
    await _store(tmp_path, Old(time=60, bed="a", worms=1))
    await _store(tmp_path, Tagged(time=60, bed="a", garden="0", worms=2))
    await _store(tmp_path, Tagged(time=60, bed="a", garden="1", worms=3))
    assert _garden(tmp_path) == [
        {"time": 60, "bed": "a", "garden": "0", "worms": 2},
        {"time": 60, "bed": "a", "garden": "1", "worms": 3},
    ]


async def test_opening_again_writes_nothing(tmp_path: Path) -> None:
    """A file that has all it needs is left as it is."""
    await _store(tmp_path, Old(time=60, bed="a", worms=1))
    before = _schema_version(tmp_path)
    await _store(tmp_path, Old(time=120, bed="a", worms=1))
    assert _schema_version(tmp_path) == before


async def test_columns_keep_their_type(tmp_path: Path) -> None:
    """Not even a hand with a shell can put text where a number belongs."""
    await _store(tmp_path, Old(time=60, bed="a", worms=1))
    with (
        closing(sqlite3.connect(tmp_path / "collector.db")) as connection,
        pytest.raises(sqlite3.IntegrityError, match="CHECK"),
    ):
        connection.execute("UPDATE garden__points SET worms = 'many'")


async def test_newer_format_is_refused(tmp_path: Path) -> None:
    """A file in a format of the future is not touched, for writing nor for reading."""
    await _store(tmp_path, sample(60))
    path = tmp_path / "collector.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    before = path.read_bytes()
    with pytest.raises(TooNewError, match=r"collector\.db was written by a newer.*7.*2") as caught:
        await EmbeddedStore.open(tmp_path, ALL, 14)
    assert "Upgrade" in caught.value.advice
    assert caught.value.exit_code is Exit.TOO_NEW
    with pytest.raises(TooNewError):
        Reader(tmp_path)
    assert path.read_bytes() == before


async def _store(directory: Path, point: Point) -> None:
    measurements = [type(point)] if isinstance(point, Old | New | Tagged) else list(ALL)
    async with await EmbeddedStore.open(directory, measurements, 14) as store:
        assert (await store.commit(RoundRecord(point.time, [point]))).points == 1


def _garden(directory: Path) -> list[dict[str, object]]:
    with Reader(directory) as reader:
        return reader.rows("SELECT * FROM garden ORDER BY time")


def _schema_version(directory: Path) -> int:
    with closing(sqlite3.connect(directory / "collector.db")) as connection:
        version: int = connection.execute("PRAGMA schema_version").fetchone()[0]
        return version
