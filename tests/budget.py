"""What tests cost: CPU seconds by class, or by file where there are no classes.

Wall time says more of what else runs on a machine than of the tests; CPU time, that of
processes a test starts included, is nearly the same everywhere.
"""

import collections
import os

import pytest

NUM_NAMED = 15
_MODELS = "tests/models/test_contracts.py::"  # a class a model


class Budget:
    """Adds up the CPU seconds of tests and fails the run above a limit.

    Args:
        limit: Float, the most CPU seconds that a class, or a file's functions
            together, may take.
        model_limit: Float, the most that a model's row of the contract may take.
    """

    def __init__(self, limit: float, model_limit: float):
        self.limit = limit
        self.model_limit = model_limit
        self.seconds: dict[str, float] = collections.defaultdict(float)

    def pytest_runtest_logreport(self, report):
        # Reports of all workers arrive here, in the process that began.
        seconds = dict(report.user_properties).get(report.when)
        if seconds is not None:
            group = report.nodeid.rpartition("::")[0].split("[")[0]
            self.seconds[group] += seconds

    def is_over(self, group: str) -> bool:
        """Returns whether a group of tests took more than its limit."""
        limit = self.model_limit if group.startswith(_MODELS) else self.limit
        return self.seconds[group] > limit

    def over(self) -> list[str]:
        """Returns the groups of tests that took more than their limit."""
        return [group for group in self.seconds if self.is_over(group)]

    def pytest_sessionfinish(self, session):
        if self.over() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        total = sum(self.seconds.values())
        terminalreporter.section(
            f"{total:.0f} CPU seconds, {self.limit:g} a class, "
            f"{self.model_limit:g} a model"
        )
        ranked = sorted(self.seconds.items(), key=lambda item: -item[1])
        for place, (group, spent) in enumerate(ranked):
            mark = "  over the budget" if self.is_over(group) else ""
            if place < NUM_NAMED or mark:
                terminalreporter.write_line(f"{spent:8.1f} {group}{mark}")


def cpu_seconds() -> float:
    """Returns the CPU seconds of this process and of those it waited for."""
    return sum(os.times()[:4])
