"""The list of nodes to crawl, and the network's own settings.

From the network (`Directory`): API hosts are asked in turn (`source`), an answer becomes nodes
(`aggregate`, `entry`, `address`), a list that shrank is not believed at once (`guard`), one entry
is chosen for every hash (`duplicate`), and the last good list is kept (`kept`, `copies`). Or from
a file (`FileDirectory`). Nothing here dials a node.
"""

from collector.directory.address import Address, parse_address
from collector.directory.cache import CacheStorage, NoCache
from collector.directory.file import FileDirectory
from collector.directory.published import Directory
from collector.directory.source import Source

__all__ = [
    "Address",
    "CacheStorage",
    "Directory",
    "FileDirectory",
    "NoCache",
    "Source",
    "parse_address",
]
