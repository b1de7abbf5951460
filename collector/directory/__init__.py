"""The list of nodes to crawl, and the network's own settings.

From the network (`Directory`): the API hosts are asked in turn (`source`), an answer is parsed into
nodes (`aggregate`, `listed`, `entry`, `address`), a list that shrank or grew a lot is not accepted
at once (`guard`), one entry is chosen for each hash (`duplicates`), and the last good list is kept
(`cached_aggregate`, `cache`). Or from a file (`FileDirectory`). Nothing here connects to a node.
"""

from collector.directory.address import Address, parse_address
from collector.directory.cache import CacheStorage, NoCache
from collector.directory.file import FileDirectory
from collector.directory.published import Directory, RefreshRules
from collector.directory.source import Source

__all__ = [
    "Address",
    "CacheStorage",
    "Directory",
    "FileDirectory",
    "NoCache",
    "RefreshRules",
    "Source",
    "parse_address",
]
