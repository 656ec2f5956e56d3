"""Mean of the weights of two files' networks for second looks (Wortsman et al. 2022, "Model soups")."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
from onnx import numpy_helper

from mien.core.errors import TrainError
from mien.learn.detector.second.export import SecondFile
from mien.learn.detector.second.recover import layers_of

__all__ = ["mixed_second"]


def mixed_second(file: SecondFile, other: SecondFile, share: float) -> SecondFile:
    """The mean of two networks; layers that the other has not stay as they are.

    Args:
        file: in float32.
        other: of the same layers, in float32, perhaps from before there were landmarks.
        share: of the other's weights, in 0..1.

    Raises:
        TrainError: the other is in 8 bit or of other layers.

    """
    model, beside = onnx.load_from_string(file.data), onnx.load_from_string(other.data).graph
    values = {item.name: item for item in model.graph.initializer}
    known = {item.name: numpy_helper.to_array(item) for item in beside.initializer}
    ours, theirs = layers_of(model.graph), layers_of(beside)
    if len(theirs) > len(ours) or any(name not in known for names in theirs for name in names):
        raise TrainError("The second look to mix in is not a float32 network of these layers; choose another file.")
    for names, others in zip(ours, theirs, strict=False):
        for name, weight in zip(names, (known[one] for one in others), strict=True):
            own = numpy_helper.to_array(values[name])
            if own.shape != weight.shape:
                raise TrainError(f"The second look to mix in has a layer of {weight.shape} instead of {own.shape}.")
            values[name].CopyFrom(numpy_helper.from_array(own + np.float32(share) * (weight - own), name))
    return replace(file, data=model.SerializeToString())
