"""Crawls every compute node of the Aleph Cloud network and keeps what it saw."""

__version__ = "0.1.0"
