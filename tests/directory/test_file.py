"""The directory from a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from collector.directory import FileDirectory
from collector.errors import DirectoryError
from collector.model.failure import Failure
from tests.support.directory_fakes import Clock, corechannel, digest, entry, nodes, recorded

LINES = f"""\
# saved by hand
{digest(1)} https://a.b/

  {digest(2)}\tb.b:4020   # the one in the cellar
{digest(3).upper()}
{digest(4)} http//Facebook.com
"""


def _write(path: Path, body: bytes | str) -> Path:
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return path


async def test_plain_lines(tmp_path: Path, clock: Clock) -> None:
    """Plain lines are nodes; comments and empty lines are not; odd addresses are refused nodes."""
    listing = await FileDirectory(_write(tmp_path / "nodes.txt", LINES), clock).listing()
    assert [(node.hash, node.address, node.refused) for node in listing.nodes] == [
        (digest(1), "https://a.b", Failure.NONE),
        (digest(2), "https://b.b:4020", Failure.NONE),
        (digest(3), "", Failure.INVALID_ADDRESS),
        (digest(4), "http//Facebook.com", Failure.INVALID_ADDRESS),
    ]
    assert listing.age_seconds == 0.0


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(nodes(2), id="aggregate"),
        pytest.param(b"\xef\xbb\xbf\n" + nodes(2), id="aggregate-with-bom"),
        pytest.param(json.dumps({"last_refresh": None, "crns": [entry(0), entry(1)]}).encode(),
                     id="crns.json"),
        pytest.param(json.dumps([entry(0), None, {}, entry(1)], indent=1).encode(), id="bare-list"),
        pytest.param(f"{digest(0)} a.b\r\n{digest(1)} c.d\r\n".encode(), id="lines-crlf"),
        pytest.param(f"\ufeff{digest(0)} a.b\n{digest(1)} c.d".encode(), id="lines-with-bom"),
    ],
)  # fmt: skip
async def test_formats(tmp_path: Path, clock: Clock, body: bytes) -> None:
    """Every format that is announced is told apart by itself."""
    listing = await FileDirectory(_write(tmp_path / "list", body), clock).listing()
    assert [node.hash for node in listing.nodes] == [digest(0), digest(1)]


async def test_settings_in_file(tmp_path: Path, clock: Clock) -> None:
    """A saved aggregate that holds the settings too gives them."""
    document = json.loads(corechannel(entry(1)))
    document["data"]["settings"] = {"last_crn_version": "1.9.0"}
    path = _write(tmp_path / "list", json.dumps(document))
    assert (await FileDirectory(path, clock).listing()).settings.last_crn_version == "1.9.0"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        pytest.param(f"{digest(1)} a.b\nabc https://a.b\n",
                     "line 2 is 'abc https://a.b'; expected a hash of 64 hex digits, "
                     "white space and an address", id="bad-hash"),
        pytest.param(f"https://a.b {digest(1)}\n", "line 1 is 'https://a.b 0000", id="other-order"),
        pytest.param("", "holds no node", id="empty"),
        pytest.param("# nothing\n", "holds no node", id="only-comments"),
        pytest.param("{}", "no list data.corechannel.resource_nodes in it", id="other-object"),
        pytest.param("[]", "holds no node", id="empty-list"),
        pytest.param('{"crns": [{}]}', "holds no node", id="only-bad-entries"),
        pytest.param('{\n"crns": [1,\n}', "not JSON (Expecting value, line 3)", id="broken-json"),
        pytest.param(b"\xff\xfe\x00\x01", "line 1 is", id="binary"),
    ],
)  # fmt: skip
async def test_unreadable(tmp_path: Path, clock: Clock, body: bytes | str, complaint: str) -> None:
    """A file without a list names itself, the line where it can, and the formats that are read."""
    path = _write(tmp_path / "list", body)
    with pytest.raises(DirectoryError) as caught:
        await FileDirectory(path, clock).listing()
    assert str(caught.value).startswith(f"no list of nodes: {path}: {complaint}")
    assert "crns.json" in caught.value.advice


async def test_missing(tmp_path: Path, clock: Clock) -> None:
    """A missing file and a folder are named with the system's words."""
    with pytest.raises(DirectoryError, match=r"absent: No such file or directory\."):
        await FileDirectory(tmp_path / "absent", clock).listing()
    with pytest.raises(DirectoryError, match=r"Is a directory\."):
        await FileDirectory(tmp_path, clock).listing()


async def test_read_again(tmp_path: Path, clock: Clock) -> None:
    """A file that changed is read again, one that did not is not, and a choice is kept."""
    path = _write(tmp_path / "list", f"{digest(1)} b.b")
    directory = FileDirectory(path, clock)
    first = await directory.listing()
    assert (await directory.listing()).nodes is first.nodes
    _write(path, f"{digest(1)} a.b\n{digest(1)} b.b\n{digest(2)} c.b")
    second = await directory.listing()
    assert [node.address for node in second.nodes] == ["https://b.b", "https://c.b"]
    assert second.duplicate_hashes == {digest(1): ("https://a.b",)}


async def test_unreadable_later(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that breaks later leaves the last list, older and older, with one warning."""
    path = _write(tmp_path / "list", LINES)
    directory = FileDirectory(path, clock)
    first = await directory.listing()
    _write(path, "broken")
    for age in (60.0, 120.0):
        clock.now += 60
        listing = await directory.listing()
        assert (listing.nodes, listing.age_seconds) == (first.nodes, age)
    os.remove(path)
    await directory.listing()
    _write(path, LINES)
    assert (await directory.listing()).age_seconds == 0.0
    assert caplog.messages == [
        f"{path}: line 1 is 'broken'; expected a hash of 64 hex digits, white space and an "
        "address; the list read before stays in use",
        f"{path}: No such file or directory; the list read before stays in use",
    ]


async def test_recorded_crns_json(tmp_path: Path, clock: Clock) -> None:
    """The recorded entries of a real crns.json are nodes, with the envelope and without."""
    body = recorded("crns_json_three_nodes_2025-06-18_anonymised.json")
    bare = await FileDirectory(_write(tmp_path / "bare", body), clock).listing()
    enveloped = json.dumps({"last_refresh": None, "crns": json.loads(body)})
    same = await FileDirectory(_write(tmp_path / "crns.json", enveloped), clock).listing()
    assert bare == same
    assert bare.nodes
    assert all(node.refused is Failure.NONE for node in bare.nodes)


async def test_real_targets(tmp_path: Path, clock: Clock) -> None:
    """The 277 recorded targets as plain lines are 277 nodes."""
    targets = json.loads(recorded("crn_targets_2023-11-29.json"))
    lines = "\n".join(f"{target['hash']} {target['url']}" for target in targets)
    listing = await FileDirectory(_write(tmp_path / "targets", lines), clock).listing()
    assert len(listing.nodes) + sum(map(len, listing.duplicate_hashes.values())) == 277
