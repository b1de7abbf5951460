"""Collector and simulator are released together."""

import collector
import crn_simulator


def test_both_have_the_same_version() -> None:
    """The extra `demo` of a collector brings the simulator of its release."""
    assert crn_simulator.__version__ == collector.__version__
