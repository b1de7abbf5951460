"""Entries of the network's directory, with the odd values that real ones have."""

import hashlib
from typing import Any

from crn_simulator.script.fault import Fault
from crn_simulator.script.profile import NodeProfile
from crn_simulator.script.seeded_random import choose, fraction
from crn_simulator.script.timeline import Stage

JUNK_ADDRESSES = (
    "not a url at all",
    "ftp://crn.example.org/",
    "http//Facebook.com",
    "https//uos.org",
    "https://",
    "javascript:alert(1)",
    "https://exa mple.org",
    "https://[2001:db8::1",
    "https://crn.example.org:99999/",
)
_PRIVATE_ADDRESSES = (
    "https://10.11.{a}.{b}/",
    "https://192.168.{a}.{b}:4020",
    "http://169.254.169.254/latest/meta-data/{a}/{b}",
    "https://[fd00::{a}:{b}]/",
    "https://127.0.0.1:{port}/",
    "https://100.64.{a}.{b}",
    "https://[::ffff:10.11.{a}.{b}]/",
)
_FORBIDDEN_HOSTS = ("https://google.com/", "https://www.twitter.com/CryptoRisers")
_BLOCK_HEIGHTS = (19401322, 21424667, 22000123)
_OWNERS = 40


def registered_address(profile: NodeProfile, stage: Stage, port: int) -> str:
    """Return the address that the operator of a node has registered."""
    key = (profile.hash, "address")
    fault = stage.spec.fault
    if fault is Fault.ADDRESS_EMPTY:
        return ""
    if fault is Fault.ADDRESS_JUNK:
        return choose(JUNK_ADDRESSES, *key)
    if fault is Fault.ADDRESS_PRIVATE:
        a, b = profile.index // 250 % 250 + 1, profile.index % 250 + 1
        return choose(_PRIVATE_ADDRESSES, *key).format(a=a, b=b, port=port)
    if fault is Fault.ADDRESS_FORBIDDEN_HOST:
        return choose(_FORBIDDEN_HOSTS, *key)
    scheme = "http" if fault is Fault.ADDRESS_HTTP_ONLY else "https"
    host = stage.host.title() if fraction(*key, "case") < 0.05 else stage.host
    slash = "/" if fraction(*key, "slash") < 0.5 else ""
    return f"{scheme}://{host}:{port}{slash}"


def directory_entry(profile: NodeProfile, stage: Stage, port: int) -> dict[str, Any]:
    """Return a node's entry in `resource_nodes`, as the network's own software writes it."""
    key = (profile.hash, "entry")
    linked = fraction(*key, "linked") < 0.7
    owner = _account(int(fraction(*key, "owner") * _OWNERS))
    dead = fraction(*key, "inactive") < 0.05
    body: dict[str, Any] = {
        "hash": profile.hash,
        "name": stage.name,
        "time": round(1_640_000_000 + fraction(*key, "time") * 100_000_000, 3),
        "type": "compute",
        "owner": owner,
        "score": 0 if dead else round(0.6 + 0.4 * fraction(*key, "score"), 12),
        "banner": "",
        "locked": choose((True, False, ""), *key, "locked"),
        "parent": hashlib.sha256(f"{key}".encode()).hexdigest() if linked else None,
        "reward": choose((owner, ""), *key, "reward"),
        "status": "linked" if linked else "waiting",
        "address": registered_address(profile, stage, port),
        "manager": "",
        "picture": "",
        "authorized": choose(("", []), *key, "authorized"),
        "description": "",
        "performance": choose((0, round(fraction(*key, "performance"), 12)), *key, "whole"),
        "multiaddress": "",
        "stream_reward": choose((owner, ""), *key, "stream_reward"),
        "inactive_since": choose(_BLOCK_HEIGHTS, *key, "height") if dead else None,
        "decentralization": round(fraction(*key, "decentralization"), 12),
        "registration_url": "",
        "terms_and_conditions": profile.hash[::-1] if fraction(*key, "terms") < 0.1 else "",
    }
    if fraction(*key, "score_updated") < 0.95:
        body["score_updated"] = True
    return body


def core_node(number: int) -> dict[str, Any]:
    """Return an entry of `nodes`: a core channel node, which is no compute node."""
    owner = _account(number)
    digest = hashlib.sha256(f"core/{number}".encode()).hexdigest()
    return {
        "hash": digest,
        "name": f"core-{number}",
        "time": 1608307687.846,
        "owner": owner,
        "score": 0.95,
        "banner": "",
        "locked": False,
        "reward": owner,
        "status": "active",
        "address": "",
        "manager": "",
        "picture": "",
        "stakers": {owner: 200000.5},
        "has_bonus": True,
        "authorized": [],
        "description": "",
        "performance": 0,
        "multiaddress": f"/ip4/192.0.2.{number}/tcp/4025/p2p/Qm{digest[:44]}",
        "total_staked": 200000.5,
        "score_updated": True,
        "stream_reward": "",
        "inactive_since": None,
        "resource_nodes": [],
        "decentralization": 0.9,
        "registration_url": "",
        "terms_and_conditions": "",
    }


def _account(number: int) -> str:
    return "0x" + hashlib.sha256(f"account/{number}".encode()).hexdigest()[:40]
