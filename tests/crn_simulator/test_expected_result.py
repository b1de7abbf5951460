"""The conclusions that the truth draws, case by case, as the published rules have them."""

from typing import Any

import pytest

from crn_simulator.script.endpoint import CONFIG, USAGE
from crn_simulator.script.fault import Fault, FaultPhase
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.node_spec import NodeSpec, ServerHeader
from crn_simulator.truth.expected_result import expected_result

REPLACED = {"server": ServerHeader.REPLACED}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, "none", id="healthy"),
        pytest.param({"version": "0.3.0"}, "none", id="no-config-route"),
        pytest.param({"version": "0.3.0"} | REPLACED, "none", id="no-config-no-header"),
        pytest.param({"usage_broken": True}, "none", id="usage-broken"),
        pytest.param(
            {"usage_broken": True, "version": "0.3.0"} | REPLACED, "not_a_crn", id="nothing-shows"
        ),
        pytest.param({"fault": Fault.SERVER_ERROR}, "server_error", id="5xx"),
        pytest.param(
            {"fault": Fault.SERVER_ERROR, "keeps_header": True}, "server_error", id="5xx-header"
        ),
        pytest.param({"fault": Fault.HTML}, "not_a_crn", id="html"),
        pytest.param({"fault": Fault.CHALLENGE}, "screened", id="challenge"),
        pytest.param(
            {"fault": Fault.CHALLENGE, "paths": frozenset({USAGE}), "version": "0.3.0"} | REPLACED,
            "screened",
            id="challenge-after-404",
        ),
        pytest.param(
            {"fault": Fault.TOO_MANY_REQUESTS, "paths": frozenset({USAGE})},
            "none",
            id="only-usage-screened",
        ),
        pytest.param({"fault": Fault.HTML, "keeps_header": True}, "none", id="html-header"),
        pytest.param(
            {"fault": Fault.HTML, "keeps_header": True} | REPLACED, "not_a_crn", id="html-replaced"
        ),
        pytest.param(
            {"fault": Fault.WEB_SERVER, "keeps_header": True}, "not_a_crn", id="web-server"
        ),
        pytest.param(
            {"fault": Fault.CUT_OFF, "keeps_header": True}, "answer_broken", id="cut-off-header"
        ),
        pytest.param(
            {"fault": Fault.HANG_BEFORE_HEADERS, "paths": frozenset({CONFIG})},
            "answer_timeout",
            id="first-hangs",
        ),
        pytest.param(
            {"fault": Fault.HANG_BEFORE_HEADERS, "paths": frozenset({USAGE})},
            "none",
            id="second-hangs",
        ),
        pytest.param(
            {"fault": Fault.HTTP_GARBAGE, "paths": frozenset({CONFIG})}, "none", id="first-broken"
        ),
        pytest.param({"fault": Fault.REDIRECT}, "redirected", id="redirect"),
        pytest.param({"fault": Fault.SLOW_ANSWER}, "none", id="slow"),
    ],
)
def test_failures(spec: dict[str, Any], expected: str) -> None:
    """Each specification has one failure."""
    found = expected_result(NodeSpec(**spec))
    assert found.failure == expected
    assert found.reachable == (expected == "none")


def test_version_needs_something_that_shows_it() -> None:
    """The configuration, or a header that nobody replaced."""
    assert expected_result(NodeSpec(server=ServerHeader.REPLACED)).version
    assert expected_result(NodeSpec(version="0.3.0")).version
    assert not expected_result(NodeSpec(version="0.3.0", server=ServerHeader.REPLACED)).version
    assert not expected_result(NodeSpec(version="version-unavailable")).version
    assert not expected_result(NodeSpec(fault=Fault.SERVER_ERROR)).version
    assert expected_result(NodeSpec(fault=Fault.SERVER_ERROR, keeps_header=True)).version
    refused = NodeSpec(fault=Fault.SERVER_ERROR, keeps_header=True, server=ServerHeader.REPLACED)
    assert not expected_result(refused).version


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_on_every_path_has_the_effect_of_the_table(fault: Fault) -> None:
    """Nothing is added where only one thing is wrong."""
    found = expected_result(NodeSpec(fault=fault))
    effect = FAULT_EFFECTS[fault]
    assert (found.reachable, found.failure, found.fault) == (
        effect.reachable,
        effect.failure,
        effect.fault,
    )
    assert effect.reachable or not effect.ends_visit or effect.phase is not FaultPhase.NONE
