"""From the bytes of the two aggregates to nodes and settings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.directory import aggregate
from collector.directory.aggregate import CORECHANNEL, SETTINGS
from collector.directory.entry import ENTRY_LIMIT_BYTES, read_entries
from collector.model.failure import Failure
from collector.model.listing import NetworkSettings
from collector.model.node import Node
from tests.support.directory_fakes import corechannel, digest, entry, recorded, settings


def test_whole_node() -> None:
    """An entry becomes a node with everything that the network says of it."""
    body = corechannel(entry(1, terms_and_conditions=digest(7), inactive_since=19401322))
    assert CORECHANNEL.parse(body).nodes == (
        Node(
            hash=digest(1),
            name="node 1",
            address="https://node-1.example.org",
            host="node-1.example.org",
            linked=True,
            inactive=True,
            terms=True,
            score=0.9,
        ),
    )


@pytest.mark.parametrize(
    ("changed", "attribute", "expected"),
    [
        pytest.param({"locked": ""}, "linked", True, id="locked-empty"),
        pytest.param({"parent": None}, "linked", True, id="parent-null"),
        pytest.param({"authorized": {"a": [1]}}, "linked", True, id="authorized-object"),
        pytest.param({"status": "waiting"}, "linked", False, id="waiting"),
        pytest.param({"status": None}, "linked", False, id="status-null"),
        pytest.param({"score": 0}, "score", 0.0, id="score-0"),
        pytest.param({"score": 1}, "score", 1.0, id="score-1"),
        pytest.param({"score": -0.1}, "score", None, id="score-negative"),
        pytest.param({"score": 1.1}, "score", None, id="score-over-1"),
        pytest.param({"score": float("nan")}, "score", None, id="score-nan"),
        pytest.param({"score": "0.5"}, "score", None, id="score-text"),
        pytest.param({"score": True}, "score", None, id="score-true"),
        pytest.param({"score": 10**5000}, "score", None, id="score-5000-digits"),
        pytest.param({"inactive_since": 0}, "inactive", True, id="inactive-since-block-0"),
        pytest.param({"inactive_since": ""}, "inactive", False, id="inactive-since-text"),
        pytest.param({"inactive_since": False}, "inactive", False, id="inactive-since-false"),
        pytest.param({"terms_and_conditions": None}, "terms", False, id="terms-null"),
        pytest.param({"terms_and_conditions": " "}, "terms", False, id="terms-blank"),
        pytest.param({"name": None}, "name", "", id="name-null"),
        pytest.param({"name": "a\x00b\n\u202ec"}, "name", "ab c", id="name-dirty"),
        pytest.param({"name": "\ud800x"}, "name", "?x", id="name-lone-surrogate"),
        pytest.param({"name": "x" * 500}, "name", "x" * 64, id="name-long"),
        pytest.param({"address": None}, "refused", Failure.INVALID_ADDRESS, id="address-null"),
        pytest.param({"address": ""}, "refused", Failure.INVALID_ADDRESS, id="address-empty"),
        pytest.param({"address": "https//uos.org"}, "address", "https//uos.org", id="address-odd"),
        pytest.param({"hash": digest(1).replace("0", "A")}, "hash", digest(1).replace("0", "a"),
                     id="hash-upper-case"),
    ],
)  # fmt: skip
def test_odd_values(changed: dict[str, Any], attribute: str, expected: object) -> None:
    """An odd value is read as absent and never costs the node."""
    monster = json.dumps(entry(1, **{k: v for k, v in changed.items() if v != 10**5000}))
    if changed.get("score") == 10**5000:  # Python itself refuses to write so many digits
        monster = monster.replace('"score": 0.9', '"score": 1' + "0" * 5000)
    body = b'{"data": {"corechannel": {"resource_nodes": [' + monster.encode() + b"]}}}"
    (node,) = CORECHANNEL.parse(body).nodes
    assert getattr(node, attribute) == expected


def test_only_needed_keys() -> None:
    """An entry needs nothing but its hash: old lists lack many keys."""
    (node,) = CORECHANNEL.parse(corechannel({"hash": digest(1)})).nodes
    assert node == Node(digest(1), "", "", refused=Failure.INVALID_ADDRESS)


def test_bad_entries_are_left_out() -> None:
    """What cannot be a node is counted and left out; the rest of the list is read."""
    bad: list[Any] = [
        None,
        7,
        "text",
        [],
        {},
        {"hash": 5},
        {"hash": "abc"},
        {"hash": digest(1) + "\n"},
    ]
    entries = CORECHANNEL.parse(corechannel(entry(1), *bad, entry(2), entry(3, type="core")))
    assert [node.hash for node in entries.nodes] == [digest(1), digest(2)]
    assert entries.skipped == len(bad)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", "not JSON (Input data was truncated)", id="empty"),
        pytest.param(b"<html>", "not JSON (invalid character (byte 0))", id="html"),
        pytest.param(corechannel(entry(1))[:-1], "not JSON (Input data was truncated)",
                     id="truncated"),
        pytest.param(b"\xff\xfe\x00", "not JSON (invalid character (byte 0))",
                     id="binary"),
        pytest.param(b'{"x": ' + b"[" * 200_000, "not JSON that can be read (nested too deep)",
                     id="deep"),
        pytest.param(b"[]", "no list data.corechannel.resource_nodes in it", id="list"),
        pytest.param(b"null", "no list data.corechannel.resource_nodes in it", id="null"),
        pytest.param(b'{"data": {}}', "no list data.corechannel.resource_nodes in it", id="no-key"),
        pytest.param(b'{"data": {"corechannel": {"resource_nodes": {}}}}',
                     "no list data.corechannel.resource_nodes in it", id="object"),
        pytest.param(corechannel(), "not one readable node in data.corechannel.resource_nodes",
                     id="no-entry"),
        pytest.param(corechannel({}, 1),
                     "not one readable node in data.corechannel.resource_nodes", id="only-bad"),
    ],
)  # fmt: skip
def test_not_an_aggregate(body: bytes, reason: str) -> None:
    """Bytes that are not the aggregate are refused, with the reason for a person."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        CORECHANNEL.parse(body)
    assert str(caught.value) == reason


def test_settings() -> None:
    """The settings aggregate gives the model of every GPU and the version asked of nodes."""
    assert SETTINGS.parse(settings()) == NetworkSettings({"10de:26b9": "L40S"}, "1.7.2")


@pytest.mark.parametrize(
    ("changed", "gpus"),
    [
        pytest.param({"compatible_gpus": [{"device_id": "10DE:1", "model": "A"},
                                          {"device_id": "10de:1", "model": "B"}]},
                     {"10de:1": "A"}, id="device-twice"),
        pytest.param({"compatible_gpus": None,
                      "compatible_standard_gpus": [
                          {"vendor_id": "10de", "device_id": "26b9", "model": "L40S"}],
                      "compatible_premium_gpus": [
                          {"vendor_id": "10de", "device_id": "2330", "model": "H100"}]},
                     {"10de:26b9": "L40S", "10de:2330": "H100"}, id="old-shape"),
        pytest.param({"compatible_gpus": [{"vendor_id": "10de", "device_id": "10de:1",
                                           "model": "A"}]}, {"10de:1": "A"}, id="vendor-twice"),
        pytest.param({"compatible_gpus": [3, None, {}, {"device_id": "10de:1"},
                                          {"device_id": "26b9", "model": "A"},
                                          {"device_id": "10de:2", "model": "\x1bA" + "x" * 99}]},
                     {"10de:2": "A" + "x" * 63}, id="odd-entries"),
        pytest.param({"compatible_gpus": {"a": 1}}, {}, id="not-a-list"),
        pytest.param({"compatible_gpus": [{"device_id": f"a:{i}", "model": "A"}
                                          for i in range(2000)]},
                     {f"a:{i}": "A" for i in range(512)}, id="too-many"),
    ],
)  # fmt: skip
def test_settings_shapes(changed: dict[str, Any], gpus: dict[str, str]) -> None:
    """Old and odd shapes of the GPU list are read as far as they make sense."""
    assert SETTINGS.parse(settings(**changed)).gpus == gpus


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"Not Found", id="text"),
        pytest.param(b'{"data": {"settings": []}}', id="list"),
        pytest.param(b'{"data": {"settings": {}}}', id="empty"),
        pytest.param(b'{"data": {"settings": {"compatible_gpus": "x"}}}', id="nothing-readable"),
    ],
)
def test_no_settings(body: bytes) -> None:
    """An aggregate that says neither GPUs nor a version is none."""
    with pytest.raises(ValueError, match=r"settings|JSON"):
        SETTINGS.parse(body)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_keys = st.sampled_from(["name", "address", "status", "score", "inactive_since", "type"])


@given(_json, st.dictionaries(_keys, _json))
def test_any_entry(junk: object, changed: dict[str, Any]) -> None:
    """No entry can raise, and none can harm the one after it."""
    entries = read_entries([junk, entry(1) | changed, entry(2)])
    assert entries.nodes[-1].hash == digest(2)


@given(st.binary(max_size=200) | _json.map(lambda value: json.dumps(value).encode()))
def test_any_body(body: bytes) -> None:
    """No body can raise anything but the announced error."""
    for each in (CORECHANNEL, SETTINGS):
        with pytest.raises(ValueError, match=r"."):
            each.parse(body)


def test_recorded_aggregate() -> None:
    """The recorded node of the network is read whole."""
    (node,) = CORECHANNEL.parse(recorded("corechannel_one_node_2025-02.json")).nodes
    assert node.address == "https://gpu-test-02.nergame.app"
    assert (node.linked, node.inactive, node.terms, node.score) == (False, True, True, 0.0)


def test_entries_are_passed_through_unabridged() -> None:
    """A node carries the whole of its entry as JSON, keys that nobody here reads included."""
    body = recorded("corechannel_one_node_2025-02.json")
    (node,) = CORECHANNEL.parse(body).nodes
    (listed,) = json.loads(body)["data"]["corechannel"]["resource_nodes"]
    assert list(json.loads(node.entry).items()) == list(listed.items())
    assert len(node.entry) < len(json.dumps(listed))


@pytest.mark.parametrize(
    ("limit", "listed", "reason"),
    [
        pytest.param(2, [entry(1), entry(2)], "", id="as-many-as-allowed"),
        pytest.param(2, [entry(1), entry(2), {}], "a list of 3 entries: at most 2 are read",
                     id="one-more"),
        pytest.param(2, [[]] * 500, "a list that is too long: at most 2 entries are read",
                     id="far-too-many"),
        pytest.param(2, [[[]] * 500], "a list that is too long: at most 2 entries are read",
                     id="nested"),
    ],
)  # fmt: skip
def test_too_many_entries(limit: int, listed: list[Any], reason: str) -> None:
    """A list of more entries than the limit is refused as a whole, before objects are made."""
    parse = aggregate.corechannel(limit).parse
    if not reason:
        assert len(parse(corechannel(*listed)).nodes) == limit
        return
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        parse(corechannel(*listed))
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(b'{"name": "\\ud800"}', id="half-a-surrogate"),
        pytest.param(b'{"name": "\\ude00\\ud83d"}', id="halves-the-wrong-way-round"),
        pytest.param(b'{"score": NaN}', id="nan"),
        pytest.param(b"[-Infinity , Infinity]", id="infinite"),
        pytest.param(b'{"name": "\xff\xfe"}', id="no-utf-8"),
        pytest.param(b'"' + b"x" * 300_000 + b'"', id="longer-than-any-entry"),
        pytest.param(b'{"a": ' + b"[" * 600 + b"]" * 600 + b"}", id="nested"),
    ],
)
def test_entry_that_strict_readers_refuse(odd: bytes) -> None:
    """One entry that a strict reader of JSON refuses does not cost the others."""
    named = json.dumps(entry(2, name="\\ud800 \\u00e9 \U0001f600", description="a NaN, b")).encode()
    body = b'{"data": {"corechannel": {"resource_nodes": [%s, %s]}}}' % (odd, named)
    entries = CORECHANNEL.parse(body)
    assert [node.name for node in entries.nodes] == ["/ud800 /u00e9 \U0001f600"]
    assert entries.skipped == 1


def test_long_entry_is_a_node() -> None:
    """An entry that is too long to be kept whole is a node all the same."""
    body = corechannel(entry(1, description="x" * 2 * ENTRY_LIMIT_BYTES))
    (node,) = CORECHANNEL.parse(body).nodes
    assert (node.name, node.entry) == ("node 1", b"")


def test_other_keys_are_not_read() -> None:
    """What stands beside the list is skipped, however large it is."""
    body = corechannel(entry(1))[:-1] + b', "x": [' + b"[]," * 300_000 + b"[]]}"
    assert len(CORECHANNEL.parse(body).nodes) == 1


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"description": "x" * ENTRY_LIMIT_BYTES}, id="too-long"),
        pytest.param({"performance": float("inf")}, id="no-json"),
        pytest.param({"time": 10**5000}, id="5000-digits"),
    ],
)
def test_entries_that_cannot_be_passed_through(changed: dict[str, Any]) -> None:
    """A node whose entry is too long, or cannot be written as JSON, is listed without it."""
    nodes = read_entries([entry(1) | changed, entry(2)]).nodes
    assert [node.hash for node in nodes] == [digest(1), digest(2)]
    assert [bool(node.entry) for node in nodes] == [False, True]


def test_recorded_message() -> None:
    """The recorded content of a corechannel message is read like the aggregate."""
    content = json.loads(recorded("corechannel_message_2025-11-07_partial.json"))["content"]
    body = json.dumps({"data": {"corechannel": content["content"]}}).encode()
    (node,) = CORECHANNEL.parse(body).nodes
    assert (node.name, node.linked, node.inactive) == ("tokenchain1", True, True)


@pytest.mark.parametrize(
    ("name", "count", "version"),
    [
        pytest.param("settings_aggregate_0xA07B_2025-02.json", 18, None, id="old-owner"),
        pytest.param("settings_aggregate_0xFba5_2025-08.json", 18, "1.7.2", id="current-owner"),
    ],
)
def test_recorded_settings(name: str, count: int, version: str | None) -> None:
    """Recorded settings give every GPU once; a device listed twice has its first model."""
    read = SETTINGS.parse(recorded(name))
    assert (len(read.gpus), read.last_crn_version) == (count, version)
    assert read.gpus["10de:2685"] == "RTX 5090"
