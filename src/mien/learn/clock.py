"""The time that a training may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import final

__all__ = ["Clock"]


@final
class Clock:
    """A budget of seconds, over all parts of a run that was stopped and resumed.

    Args:
        budget_s: seconds that the run may take; 0 sets no limit.
        spent_s: seconds that earlier parts took.
        now: gives the time in seconds.

    """

    def __init__(self, budget_s: float, spent_s: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        self.budget_s = budget_s
        self._earlier, self._now, self._start = spent_s, now, now()

    @property
    def spent_s(self) -> float:
        """Seconds since the run began, without those between its parts."""
        return self._earlier + self._now() - self._start

    @property
    def share(self) -> float:
        """Part of the budget that is spent, in 0..1; 0 where there is no limit."""
        return min(self.spent_s / self.budget_s, 1.0) if self.budget_s else 0.0

    @property
    def left_s(self) -> float:
        """Seconds that are left, at least 0; infinite where there is no limit."""
        return max(self.budget_s - self.spent_s, 0.0) if self.budget_s else float("inf")
