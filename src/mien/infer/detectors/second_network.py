"""The network for second looks: an ONNX file inside a detector's file, so that one file says all."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import cast, final

import numpy as np
from numpy.typing import NDArray

from mien.core.contract import SECOND_INPUT_NAME, SECOND_LOOK_KEY, SECOND_OUTPUT_NAME, SecondLook
from mien.core.errors import ModelError
from mien.infer.devices import CPU
from mien.infer.session import OnnxFile, input_shape
from mien.infer.wire import read_metadata

__all__ = ["SecondNetwork", "network_inside"]


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
        if kind != "tensor(uint8)" or shape[1:] != [look.side, look.side, 3] or SECOND_OUTPUT_NAME not in outputs:
            raise ModelError(
                f"{path}: expected a second look with an input {SECOND_INPUT_NAME!r} of (N, {look.side}, {look.side}, "
                f"3) uint8 and an output {SECOND_OUTPUT_NAME!r}, got {shape} and {', '.join(outputs)}; export it again."
            )

    def __call__(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The chance of a face for each square, (N, S, S, 3) uint8 BGR to (N,)."""
        return cast(NDArray[np.float32], self._file.run({SECOND_INPUT_NAME: squares}, [SECOND_OUTPUT_NAME])[0])


def network_inside(data: bytes) -> bytes:
    """The second look's network, an ONNX file, out of the bytes of a detector's file.

    Raises:
        ValueError: there is none.

    """
    text = read_metadata(data).get(SECOND_LOOK_KEY)
    if text is None:
        raise ValueError(f"no {SECOND_LOOK_KEY!r} in the metadata")
    return b64decode(text, validate=True)
