"""What tests cost: CPU seconds by class, or by file where there are no classes.

Wall time says more of what else runs on a machine than of the tests; CPU time, that of
processes a test starts included, is nearly the same everywhere.
"""

import collections
import os

import pytest

NUM_NAMED = 15


class Budget:
    """Adds up the CPU seconds of tests and fails the run above a limit.

    Args:
        limit: Float, the most CPU seconds that a class, or a file's functions
            together, may take.
    """

    def __init__(self, limit: float):
        self.limit = limit
        self.seconds: dict[str, float] = collections.defaultdict(float)

    def pytest_runtest_logreport(self, report):
        # Reports of all workers arrive here, in the process that began.
        seconds = dict(report.user_properties).get(report.when)
        if seconds is not None:
            group = report.nodeid.rpartition("::")[0].split("[")[0]
            self.seconds[group] += seconds

    def over(self) -> list[str]:
        """Returns the groups of tests that took more than the limit."""
        return [group for group, spent in self.seconds.items() if spent > self.limit]

    def pytest_sessionfinish(self, session):
        if self.over() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        total = sum(self.seconds.values())
        terminalreporter.section(f"{total:.0f} CPU seconds, {self.limit:g} a class")
        ranked = sorted(self.seconds.items(), key=lambda item: -item[1])
        for group, spent in ranked[:NUM_NAMED]:
            mark = "  over the budget" if spent > self.limit else ""
            terminalreporter.write_line(f"{spent:8.1f} {group}{mark}")


def cpu_seconds() -> float:
    """Returns the CPU seconds of this process and of those it waited for."""
    return sum(os.times()[:4])
