"""The network for second looks: an ONNX file inside a detector's file, so that one file says all."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from mien.core.contract import SECOND_INPUT_NAME, SECOND_LOOK_KEY, SECOND_OUTPUT_NAME, SECOND_POINTS_NAME, SecondLook
from mien.core.errors import ModelError
from mien.infer.devices import CPU
from mien.infer.session import OnnxFile, input_shape
from mien.infer.wire import read_metadata

__all__ = ["Answers", "SecondNetwork", "network_inside"]


class Answers(NamedTuple):
    """What the network says of squares.

    Args:
        chances: (N,) of a face in the middle of each, in 0..1.
        points: (N, 5, 2) its landmarks from the square's centre in halves of its side; None where they are not asked.

    """

    chances: NDArray[np.float32]
    points: NDArray[np.float32] | None = None


@final
class SecondNetwork:
    """The network for second looks inside a detector's file.

    Args:
        data: bytes of the detector's file.
        path: where they come from.
        look: how it is used.
        threads, device: as of the detector.

    Raises:
        ModelError: the file has none, or none that fits `look`.

    """

    def __init__(self, data: bytes, path: Path, look: SecondLook, threads: int = 1, device: str = CPU) -> None:
        try:
            self._file = OnnxFile(data, path, threads, device, network_inside)
        except ValueError as error:
            raise ModelError(f"{path}: the second look is not usable: {error}; export the file again.") from error
        kind, shape = input_shape(self._file, SECOND_INPUT_NAME)
        outputs = [node.name for node in self._file.session.get_outputs()]
        self._wanted = [SECOND_OUTPUT_NAME] + [SECOND_POINTS_NAME] * (look.points is not None)
        if kind != "tensor(uint8)" or shape[1:] != [look.side, look.side, 3] or not set(self._wanted) <= set(outputs):
            raise ModelError(
                f"{path}: expected a second look with an input {SECOND_INPUT_NAME!r} of (N, {look.side}, {look.side}, "
                f"3) uint8 and outputs {self._wanted}, got {shape} and {outputs}; export it again."
            )

    def __call__(self, squares: NDArray[np.uint8]) -> Answers:
        """What it says of squares (N, S, S, 3) uint8 BGR."""
        return Answers(*self._file.run({SECOND_INPUT_NAME: squares}, self._wanted))


def network_inside(data: bytes) -> bytes:
    """The second look's network, an ONNX file, out of the bytes of a detector's file.

    Raises:
        ValueError: there is none.

    """
    text = read_metadata(data).get(SECOND_LOOK_KEY)
    if text is None:
        raise ValueError(f"no {SECOND_LOOK_KEY!r} in the metadata")
    return b64decode(text, validate=True)
