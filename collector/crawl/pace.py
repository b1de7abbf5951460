"""How fast visits are begun: as fast as the event loop gets round to what the begun ones need."""

from __future__ import annotations

import asyncio


class Pace:
    """Lets one visit begin in each turn of the event loop, whoever asks.

    A turn takes as long as what has arrived takes to work through, on the share of a processor that
    this process gets. So a turn carries about one visit's worth of work, and no more visits are
    under way than are answered as they answer; nodes that say nothing take no part.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def next(self) -> None:
        """Wait for the next turn, in which the loop has looked for what arrived."""
        async with self._turn:
            await asyncio.sleep(0)
