"""Every test here leaves nothing behind: no task, no thread."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.disk_faults import small_disk_in
from tests.support.leaks import no_leaks

NOBODY = 65_534


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task or a store's thread behind."""
    async with no_leaks():
        yield


@pytest.fixture
def common() -> Iterator[Path]:
    """A folder that every user of the machine can use."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


@pytest.fixture
def unprivileged(common: Path) -> Iterator[Path]:
    """The same folder, used by a user who is not root, since root may write anywhere."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    yield common
    if is_root:
        os.seteuid(0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of one megabyte, where this user may mount one."""
    with small_disk_in(tmp_path) as disk:
        if disk is None:
            pytest.skip("this user may not mount a small disk")
        yield disk
