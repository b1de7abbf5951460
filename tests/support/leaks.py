"""What a test may not leave behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def no_leaks() -> AsyncIterator[None]:
    """Fail if a task or a store's thread that was started inside is still there at the end."""
    tasks = asyncio.all_tasks()
    yield
    for _ in range(3):  # what was cancelled ends in the next turns of the loop
        await asyncio.sleep(0)
    assert asyncio.all_tasks() - tasks - {asyncio.current_task()} == set()
    assert [t.name for t in threading.enumerate() if t.name.startswith("store")] == []
