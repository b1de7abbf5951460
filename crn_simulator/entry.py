"""Entries of the directory, with the odd values that real ones have."""

import hashlib
from typing import Any

from crn_simulator.chance import chance, pick
from crn_simulator.fault import Fault
from crn_simulator.life import Stage
from crn_simulator.trait import Trait

JUNK = (
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
PRIVATE = (
    "https://10.11.{a}.{b}/",
    "https://192.168.{a}.{b}:4020",
    "http://169.254.169.254/latest/meta-data/{a}/{b}",
    "https://[fd00::{a}:{b}]/",
    "https://127.0.0.1:{port}/",
    "https://100.64.{a}.{b}",
    "https://[::ffff:10.11.{a}.{b}]/",
)
FORBIDDEN_HOSTS = ("https://google.com/", "https://www.twitter.com/CryptoRisers")
_BLOCK_HEIGHTS = (19401322, 21424667, 22000123)
_PEOPLE = 40


def address(trait: Trait, stage: Stage, port: int) -> str:
    """What the operator of a node has registered as its address."""
    key = (trait.hash, "address")
    fault = stage.behaviour.fault
    if fault is Fault.ADDRESS_EMPTY:
        return ""
    if fault is Fault.ADDRESS_JUNK:
        return pick(JUNK, *key)
    if fault is Fault.ADDRESS_PRIVATE:
        a, b = trait.index // 250 % 250 + 1, trait.index % 250 + 1
        return pick(PRIVATE, *key).format(a=a, b=b, port=port)
    if fault is Fault.ADDRESS_FORBIDDEN_HOST:
        return pick(FORBIDDEN_HOSTS, *key)
    scheme = "http" if fault is Fault.ADDRESS_HTTP_ONLY else "https"
    host = stage.host.title() if chance(*key, "case") < 0.05 else stage.host
    slash = "/" if chance(*key, "slash") < 0.5 else ""
    return f"{scheme}://{host}:{port}{slash}"


def entry(trait: Trait, stage: Stage, port: int) -> dict[str, Any]:
    """One of `resource_nodes`, as the network's own software writes it."""
    key = (trait.hash, "entry")
    linked = chance(*key, "linked") < 0.7
    owner = _account(int(chance(*key, "owner") * _PEOPLE))
    dead = chance(*key, "inactive") < 0.05
    body: dict[str, Any] = {
        "hash": trait.hash,
        "name": stage.name,
        "time": round(1_640_000_000 + chance(*key, "time") * 100_000_000, 3),
        "type": "compute",
        "owner": owner,
        "score": 0 if dead else round(0.6 + 0.4 * chance(*key, "score"), 12),
        "banner": "",
        "locked": pick((True, False, ""), *key, "locked"),
        "parent": hashlib.sha256(f"{key}".encode()).hexdigest() if linked else None,
        "reward": pick((owner, ""), *key, "reward"),
        "status": "linked" if linked else "waiting",
        "address": address(trait, stage, port),
        "manager": "",
        "picture": "",
        "authorized": pick(("", []), *key, "authorized"),
        "description": "",
        "performance": pick((0, round(chance(*key, "performance"), 12)), *key, "whole"),
        "multiaddress": "",
        "stream_reward": pick((owner, ""), *key, "stream_reward"),
        "inactive_since": pick(_BLOCK_HEIGHTS, *key, "height") if dead else None,
        "decentralization": round(chance(*key, "decentralization"), 12),
        "registration_url": "",
        "terms_and_conditions": trait.hash[::-1] if chance(*key, "terms") < 0.1 else "",
    }
    if chance(*key, "score_updated") < 0.95:
        body["score_updated"] = True
    return body


def core_node(number: int) -> dict[str, Any]:
    """One of `nodes`: a node of the other kind, which a collector of this kind leaves alone."""
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
