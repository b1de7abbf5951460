"""Public names are made of the words of docs/glossary.md, and of none that it rules out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "collector", "crn_simulator", "grafana")
RULED_OUT = frozenset(
    [
        "data",
        "info",
        "manager",
        "helper",
        "helpers",
        "util",
        "utils",
        "process",
        "handle",
        "handles",
        "look",
        "looks",
        "told",
        "sight",
        "verdict",
        "verdicts",
        "parcel",
        "parcels",
        "piece",
        "pieces",
        "trail",
        "trails",
        "standing",
        "excuse",
        "excuses",
        "excused",
        "judgement",
        "judgements",
        "settlement",
        "settlements",
        "outgoing",
        "ledger",
        "lister",
        "outlet",
        "shelf",
        "spoilt",
        "said",
        "seen",
        "diary",
        "reckoning",
        "voice",
        "misbehave",
    ]
)
PRESCRIBED = frozenset(
    {
        "data_dir",  # a setting that people use
        "DataDirectoryError",  # the data directory, as the documentation calls it
        "data",  # a key of the network's aggregates, and a parameter of asyncio's protocols
        "data_received",  # asyncio
        "feed_data",  # aiohttp
        "handle_error",  # socketserver
        "seen_at",  # a key of the stored state
        "no_data",  # Grafana's word for the state of a rule
    }
)
"""Names that others gave."""
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def words(name: str) -> set[str]:
    """The words of a name in snake case or camel case."""
    return {part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def public_names(path: Path) -> Iterator[str]:
    """The module's own name, and its public classes, functions, methods, fields and parameters."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ClassDef(name=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
                yield from (a.arg for a in (*node.args.args, *node.args.kwonlyargs))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_word_is_used_that_is_ruled_out(path: Path) -> None:
    """No public name of a module contains a word that the glossary rules out."""
    public = {name for name in public_names(path) if not name.startswith("_")} - PRESCRIBED
    assert {name for name in public if words(name) & RULED_OUT} == set()


def test_the_glossary_lists_what_is_ruled_out() -> None:
    """Each word that is ruled out stands in the glossary's last table, in one of its forms."""
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    _, _, table = page.partition("## Words that are not used as names")
    listed = words(table)
    missing = {word for word in RULED_OUT if not {word, word.rstrip("sd"), word[:-2]} & listed}
    assert missing == set()
