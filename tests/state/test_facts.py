"""Slow facts: IPv6, GPUs by kind, abilities, and which of them are written when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Final

import pytest

from collector.model.failure import Failure
from collector.model.listing import NetworkSettings
from collector.model.observation import (
    Capability,
    Endpoint,
    Gpu,
    Ipv6,
    Ipv6Method,
    Observation,
    Probe,
)
from collector.model.status import DueFacts, GpuCount, NodeStatus
from collector.schema.measurements import CrnProbe
from collector.state.facts import SlowFacts, update_facts
from collector.state.plan import VisitPlan
from collector.times import HOUR
from tests.support.rounds import (
    MINUTE,
    START,
    Observe,
    Rounds,
    blocked,
    config,
    good,
    gpu,
    kinds,
    node,
    only,
    plain,
    points,
    usage,
    working,
)


def _due(number: int = 1) -> Rounds:
    """Return rounds of which the next has the only node's IPv6 due."""
    rounds = Rounds(nodes=(node(number),))
    rounds.play_round()
    rounds.time += 6 * HOUR
    return rounds


def _finding(found: Ipv6 | None) -> Observe:
    """Answer a check of IPv6 with this; None is no answer in time."""

    def observe(plan: VisitPlan) -> Observation:
        if plan.ipv6 is None:
            return good(plan.node)
        answered = good(plan.node, working())
        if found is None:
            is_vm = plan.ipv6 is Ipv6Method.DIAGNOSTIC_VM
            endpoint = Endpoint.DIAGNOSTIC_VM if is_vm else Endpoint.IPV6
            failed = Probe(endpoint, Failure.ANSWER_TIMEOUT, duration_seconds=10.0)
            return replace(answered, probes=(*answered.probes[:2], failed), ipv6=None)
        return replace(answered, ipv6=found)

    return observe


def _asked(rounds: Rounds, found: Ipv6 | None, times: int) -> tuple[list[bool], list[NodeStatus]]:
    """Return whether IPv6 was asked for in each round, and the statuses."""
    statuses = [
        (only(rounds.play_round(_finding(found))), rounds.plans[0].ipv6) for _ in range(times)
    ]
    return [asked is not None for _, asked in statuses], [status for status, _ in statuses]


NO = working(vm=False)
STATUS, VM = Ipv6Method.STATUS, Ipv6Method.DIAGNOSTIC_VM


def test_ipv6_yes_is_believed_at_once() -> None:
    """A yes is written in its round and not asked for again."""
    asked, statuses = _asked(_due(), working(), 3)
    assert asked == [True, False, False]
    assert [v.ipv6 for v in statuses] == [working(), None, None]
    assert [v.ipv6_ok for v in statuses] == [True, True, True]


@pytest.mark.parametrize(
    "found", [NO, Ipv6(Ipv6Method.DIAGNOSTIC_VM, vm=False)], ids=["vm", "diagnostic"]
)
def test_ipv6_no_is_believed_when_confirmed(found: Ipv6) -> None:
    """A no is asked again in the next round, and written when it is confirmed."""
    asked, statuses = _asked(_due(), found, 4)
    assert asked == [True, True, False, False]
    assert [v.ipv6 for v in statuses] == [None, found, None, None]
    assert [v.ipv6_ok for v in statuses] == [None, False, False, False]


def test_ipv6_no_of_a_cold_vm() -> None:
    """A no that the next round does not confirm was never written."""
    rounds = _due()
    assert only(rounds.play_round(_finding(NO))).ipv6 is None
    rounds.restart()
    assert only(rounds.play_round(_finding(working()))).ipv6 == working()


def test_ipv6_no_is_not_confirmed_hours_later() -> None:
    """A no that was not confirmed within an hour waits for the next check: the VM is cold again."""
    rounds = _due(23)
    rounds.play_round(_finding(NO))
    rounds.play_round(blocked)
    rounds.time += HOUR
    assert _asked(rounds, NO, 3)[0] == [False] * 3
    rounds.time += 5 * HOUR
    asked, statuses = _asked(rounds, NO, 3)
    assert asked == [True, True, False]
    assert [v.ipv6 for v in statuses] == [None, NO, None]


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize(
    ("found", "asked"),
    [
        pytest.param([None, None], [STATUS, VM, None], id="nobody-answers"),
        pytest.param([None, working()], [STATUS, VM, None], id="the-vm-says-yes"),
        pytest.param([None, NO, NO], [STATUS, VM, VM, None], id="the-vm-says-no"),
        pytest.param([None, NO, None], [STATUS, VM, VM, None], id="the-vm-says-no-once"),
        pytest.param([NO, None, NO, NO], [STATUS, STATUS, VM, VM, None], id="the-node-said-no"),
    ],
)
def test_ipv6_that_a_node_cannot_say(
    found: list[Ipv6 | None], asked: list[Ipv6Method | None], restarts: bool
) -> None:
    """A node without an answer is not asked again: its diagnostic VM is, until it has answered."""
    rounds, whom = _due(), []
    for answer in (*found, None):
        judged = rounds.play_round(_finding(answer))
        whom.append(rounds.plans[0].ipv6)
        if restarts:
            rounds.restart()
    assert whom == asked
    assert only(judged).ipv6_ok is (None if found[-1] is None else found[-1].ok)


def test_ipv6_of_a_host_without_it() -> None:
    """A node's report that its host has none is believed at once."""
    found = working(host=False)
    assert found.ok is False
    assert only(_due().play_round(_finding(found))).ipv6 == found


def test_ipv6_not_reached() -> None:
    """A check that was due and not reached is due in the next round."""
    rounds = _due()
    rounds.play_round(blocked)
    assert rounds.plans[0].ipv6
    rounds.play_round()
    assert rounds.plans[0].ipv6


def test_ipv6_grows_old() -> None:
    """The last measurement of IPv6 counts for two cadences."""
    rounds = _due()
    rounds.play_round()
    rounds.time += 12 * HOUR - 60
    assert only(rounds.play_round(blocked)).ipv6_ok is True
    assert only(rounds.play_round(blocked)).ipv6_ok is None


def test_ipv6_of_a_new_address() -> None:
    """A new address has to show its IPv6 itself, at the cadence that the node had."""
    rounds = _due()
    rounds.play_round(_finding(NO))
    rounds.nodes = (node(address="https://other.example.org"),)
    assert only(rounds.play_round(_finding(NO))).ipv6 is None
    asked, statuses = _asked(rounds, NO, 2)
    assert asked == [True, False]
    assert statuses[0].ipv6 == NO


def _counted(rounds: Rounds, *cards: Gpu) -> dict[tuple[str, str], GpuCount]:
    return dict(only(rounds.play_round(lambda plan: good(plan.node, usage=usage(*cards)))).gpus)


def test_gpus_are_counted_by_kind() -> None:
    """Cards of one kind are one count; `compatible` is absent on firmware without it."""
    rounds = Rounds(settings=NetworkSettings(gpus={"10de:26b9": "NVIDIA L40S"}))
    assert _counted(
        rounds,
        gpu(),
        gpu(available=False),
        gpu(compatible=False),
        gpu("10de:2230", None, device_name="GA102GL", compatible=None),
        gpu("unknown", None, device_name=""),
    ) == {
        ("NVIDIA L40S", "10de:26b9"): GpuCount(3, 2, 2),
        ("GA102GL", "10de:2230"): GpuCount(1, 1, None),
        ("unknown", "unknown"): GpuCount(1, 1, 1),
    }


def test_gpu_of_a_published_model() -> None:
    """A published model keeps its name on a card whose device id is not published."""
    rounds = Rounds(settings=NetworkSettings(gpus={"10de:26b9": "L40S"}))
    _counted(rounds, *(gpu(f"10de:{i:04x}", f"made up {i}") for i in range(2)))
    assert list(_counted(rounds, gpu("10de:ffff", "L40S"))) == [("L40S", "other")]


def test_gpu_kinds_are_bounded() -> None:
    """Pairs of model and device that strangers make up are 32 together, then `other`."""
    nodes = tuple(node(i) for i in range(40))
    rounds = Rounds(nodes=nodes, settings=NetworkSettings(gpus={"10de:26b9": "L40S"}))
    judged = rounds.play_round(
        good(n, usage=usage(gpu(), gpu(f"10de:{i % 7:04x}", f"m{i}"), gpu(f"10de:{i:04x}", "m")))
        for i, n in enumerate(nodes)
    )
    kinds = [kind for status in judged.statuses for kind in status.gpus]
    assert len({*kinds} - {("L40S", "10de:26b9"), ("other", "other")}) == 32
    assert kinds.count(("L40S", "10de:26b9")) == 40


def test_a_node_makes_few_kinds_of_gpus() -> None:
    """A node that swaps the cards that it made up in every round has two more kinds a day."""
    rounds = Rounds(settings=NetworkSettings(gpus={"10de:26b9": "L40S"}))
    kinds: set[tuple[str, str]] = set()
    for minute in range(1440 // 10):
        rounds.time = START + 10 * minute * MINUTE
        kinds |= set(
            _counted(rounds, gpu(), *(gpu(f"10de:{minute}{i:02}", f"m{i}") for i in range(8)))
        )
    assert kinds - {("L40S", "10de:26b9"), ("other", "other")} == {
        ("m0", "10de:000"),
        ("m1", "10de:001"),
    }


def test_a_node_has_no_kinds_of_others() -> None:
    """What others made up is a kind on a node only if it holds it itself."""
    nodes = tuple(node(i) for i in range(1, 5))
    rounds = Rounds(nodes=nodes)
    cards = [gpu(f"10de:{i:04x}", f"m{i}") for i in range(3)]
    owned = (cards, cards[:1], cards[1:2], cards[2:])
    judged = rounds.play_round(
        good(n, usage=usage(*own)) for n, own in zip(nodes, owned, strict=True)
    )
    assert [len(status.gpus) for status in judged.statuses] == [3, 1, 1, 1]
    assert ("other", "other") in judged.statuses[0].gpus
    assert ("m2", "10de:0002") in judged.statuses[3].gpus


def _releases(rounds: Rounds, *versions: str) -> list[str | None]:
    """Return the release of each node that states one of the versions, in the order of nodes."""
    observed = [good(n, version=v) for n, v in zip(rounds.nodes, versions, strict=True)]
    return [status.release for status in rounds.play_round(observed).statuses]


def test_a_release_of_many_takes_the_place_of_one_of_one() -> None:
    """One node that states another version in each round does not keep a new release out."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(23)))
    for minute in range(40):
        found = _releases(rounds, *(f"9.{n}.{minute}" for n in range(20)), *["1.7.2"] * 3)
        assert found[20:] == ["1.7.2"] * 3
    rounds.restart()
    found = _releases(rounds, *(f"9.{n}.40" for n in range(20)), *["1.8.0"] * 3)
    assert found == ["other"] * 20 + ["1.8.0"] * 3


def test_the_published_release_takes_no_place() -> None:
    """The release that the network publishes is never `other`, and costs nobody a place."""
    settings = NetworkSettings(last_crn_version="1.8.0")
    rounds = Rounds(nodes=tuple(node(i) for i in range(33)), settings=settings)
    assert None not in (found := _releases(rounds, "1.8.0", *(f"9.{n}.0" for n in range(32))))
    assert "other" not in found
    rounds.restart()
    assert _releases(rounds, "1.8.0", *(f"9.{n}.0" for n in range(32))) == found


def test_abilities_are_written_on_change_and_hourly() -> None:
    """What was not stated in a round is no change; what is stated otherwise is."""
    rounds = Rounds()
    assert only(rounds.play_round()).due.capability

    def silent(plan: VisitPlan) -> Observation:
        return good(plan.node, config=None)

    def changed(plan: VisitPlan) -> Observation:
        return good(plan.node, config=config(gpu=True))

    written = [
        only(rounds.play_round(observe)).due.capability
        for observe in (plain, silent, plain, changed, changed)
    ]
    assert written == [False, False, False, True, False]


_OTHERWISE: Final[Mapping[str, Observation]] = {
    "architecture": good(node(), usage=usage(architecture="arm64")),
    "cpu_vendor": good(node(), usage=usage(cpu_vendor="GenuineIntel")),
    "payment_receiver": good(node(), config=config(payment_receiver="0xother")),
    "qemu": good(node(), config=config(qemu=False)),
    "confidential": good(node(), config=config(confidential=True)),
    "gpu": good(node(), config=config(gpu=True)),
    "terms": good(node(terms=True)),
}
"""By ability: the answers of a node that states this one otherwise."""


@pytest.mark.parametrize("ability", [field.name for field in fields(Capability)])
def test_a_change_of_any_ability_is_written(ability: str) -> None:
    """Each ability that is stated otherwise is written at once, and not again in the next round."""
    first, changed = good(node()), _OTHERWISE[ability]
    known, _ = update_facts(SlowFacts(), first.node, 1_800_000_000, first)
    after, due = update_facts(known, changed.node, 1_800_000_001, changed)
    assert due.capability
    assert after.capability == changed.capability != first.capability
    assert update_facts(after, changed.node, 1_800_000_002, changed) == (after, DueFacts())


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        pytest.param({"usage": None, "config": None}, Capability(), id="nothing"),
        pytest.param(
            {"config": None}, Capability("x86_64", "AuthenticAMD", terms=False), id="usage-only"
        ),
        pytest.param(
            {"usage": None},
            Capability(None, None, "0xpaid", True, False, False, False),
            id="config-only",
        ),
    ],
)
def test_abilities_stated_in_a_round(answered: dict[str, None], expected: Capability) -> None:
    """An ability is known from the answers of the round, and absent without them."""
    assert good(node(), **answered).capability == expected


def test_probes_are_written_when_they_are_notable() -> None:
    """A failing endpoint is written in every round, and once when it works again."""
    rounds = Rounds()

    def halting(plan: VisitPlan) -> Observation:
        answered = good(plan.node)
        failed = Probe(Endpoint.USAGE, Failure.SERVER_ERROR, 500, 20, 0.1)
        return replace(answered, probes=(answered.probes[0], failed), usage=None)

    rounds.play_round()
    rounds.time += 60
    written = [
        [str(a.endpoint) for a in only(rounds.play_round(observe)).due.probes]
        for observe in (plain, halting, halting, plain, plain)
    ]
    usage_path = [str(Endpoint.USAGE)]
    assert written == [[], usage_path, usage_path, usage_path, []]


def test_a_round_without_a_visit_writes_no_facts() -> None:
    """Values of an earlier round are never written as fresh."""
    rounds = Rounds()
    rounds.play_round()
    rounds.time += 7 * HOUR
    status = only(rounds.play("U")[0])
    assert status.due == DueFacts()
    assert dict(status.gpus) == {}


def _in_part(plan: VisitPlan) -> Observation:
    """The visit of a node whose GPUs cannot be read in this round."""
    odd = Probe(Endpoint.USAGE, Failure.WRONG_SHAPE, 200, 700, 0.02, "not read: gpu", ("gpu",))
    seen = good(plan.node, usage=usage(gpus=None))
    return replace(seen, probes=(seen.probes[0], odd))


def test_an_answer_read_in_part() -> None:
    """It is told by `crn_probe` each round and once it is whole again; unread GPUs move none."""
    rounds = Rounds()
    rounds.play_round(lambda plan: good(plan.node, usage=usage(gpu())))
    parts = [rounds.play_round(_in_part) for _ in range(2)]
    whole = [rounds.play_round(lambda p: good(p.node, usage=usage(gpu()))) for _ in range(2)]
    for judged in parts:
        assert dict(only(judged).gpus) == {}
        assert only(judged).observation is not None
        (probe,) = points(judged, CrnProbe)
        assert (probe.endpoint, probe.success, probe.failure, probe.unread) == (
            "/about/usage/system",
            False,
            "wrong_shape",
            "gpu",
        )
        known = only(judged).last_known.usage
        assert (known.failure, known.detail) == (Failure.WRONG_SHAPE, "not read: gpu")
        assert (known.read_at, known.value) == (judged.time, usage(gpus=None))
    (again,) = points(whole[0], CrnProbe)
    assert (again.success, again.failure, again.unread) == (True, "none", None)
    assert points(whole[1], CrnProbe) == []
    assert kinds([*parts, *whole]) == []


def test_compatible_cards_are_counted_only_if_each_states_it() -> None:
    """A kind of which one card does not state it has no number of compatible cards."""
    assert _counted(Rounds(), gpu(), gpu(compatible=None), gpu("10de:1", compatible=True)) == {
        ("L40S", "10de:26b9"): GpuCount(2, 2, None),
        ("L40S", "10de:1"): GpuCount(1, 1, 1),
    }
