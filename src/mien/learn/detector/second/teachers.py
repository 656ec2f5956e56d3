"""Networks that have a say in what a second look's network learns (Hinton et al. 2015, "Distilling the knowledge").

Two networks that were taught apart err on other squares, so that their mean is right more often than either
(dev/log.md, 2026-11-28).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.core.contract import SECOND_INPUT_NAME, SECOND_OUTPUT_NAME
from mien.core.errors import TrainError
from mien.infer.detectors.second_look import HIGHEST, LOWEST
from mien.learn.detector.second.config import SecondConfig
from mien.learn.detector.second.export import SecondFile
from mien.learn.export import one_thread

__all__ = ["SHARE", "Teachers", "refuse_strangers"]

SHARE = 0.5
"""Of what is learnt of a square, the teachers' part; the label has the rest."""


def refuse_strangers(files: Sequence[SecondFile], config: SecondConfig) -> None:
    """Raise a TrainError where a network of another file takes other squares than the run has."""
    for file in files:
        if (file.side, file.margin) != (config.side, config.margin):
            raise TrainError(
                f"A network of another file takes squares of {file.side} px, {file.margin:g} times a face; the second "
                f"look that is trained takes {config.side} px, {config.margin:g} times; choose another file."
            )


class Teachers:
    """What some networks say together.

    Args:
        files: of the networks, in float32 or 8 bit; none leave the labels as they are.

    """

    def __init__(self, files: Sequence[SecondFile]) -> None:
        self._sessions = [one_thread(file.data) for file in files]

    def targets(self, squares: NDArray[np.uint8], hits: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What is to be learnt of squares (N, S, S, 3) whose labels are (N,): chances of a face (N,), in 0..1.

        The teachers' part is the chance whose log-odds are the mean of theirs.
        """
        labels = hits.astype(np.float64)
        if not self._sessions or not len(squares):
            return labels
        said = [session.run([SECOND_OUTPUT_NAME], {SECOND_INPUT_NAME: squares})[0] for session in self._sessions]
        chances = np.clip(np.array(said, np.float64), LOWEST, HIGHEST)
        mean = np.log(chances / (1 - chances)).mean(0)
        taught: NDArray[np.float64] = (1 - SHARE) * labels + SHARE / (1 + np.exp(-mean))
        return taught
