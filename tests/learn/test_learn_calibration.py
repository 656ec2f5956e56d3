"""Calibration of heads: the method is chosen on held-out pictures, and vector scaling becomes part of the weights."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from mien.core.labels import LabelSet
from mien.core.scores import softmax
from mien.learn.calibration import TEMPERATURE, VECTOR, calibrate, fold_vector_scaling
from mien.learn.models import build
from mien.learn.targets import Head


def test_folding() -> None:
    """A head with scale and bias in its weights gives s (z - mean of z) + b."""
    torch.manual_seed(0)
    head = nn.Linear(5, 3)
    x = torch.randn(4, 5)
    z = head(x).detach().numpy()
    scale, bias = np.array([0.5, 2.0, 1.0]), np.array([0.3, -0.1, -0.2])

    fold_vector_scaling(head, scale, bias)

    expected = scale * (z - z.mean(axis=1, keepdims=True)) + bias
    np.testing.assert_allclose(head(x).detach().numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(("scale", "method"), [((0.3, 1.0, 2.0), VECTOR), ((0.5, 0.5, 0.5), TEMPERATURE)])
def test_method_is_chosen(scale: tuple[float, ...], method: str) -> None:
    """A head whose logits are wrong class by class gets vector scaling, one that is merely too bold a temperature."""
    rng = np.random.default_rng(0)
    z = rng.normal(0, 3, (4000, 3)).astype(np.float32)
    z -= z.mean(axis=1, keepdims=True)
    label = (softmax(z * np.array(scale)).cumsum(axis=1) < rng.random((len(z), 1))).sum(axis=1)
    head = Head("labels", LabelSet(("a", "b", "c")), np.eye(3, dtype=np.float32)[label], label)
    network = build("mien-xs", {"labels": 3}, size=24)
    before = copy.deepcopy(network.heads["labels"].state_dict())

    temperatures, methods = calibrate(network, [head], {"labels": z})

    assert methods == {"labels": method}
    assert temperatures["labels"] == pytest.approx(1.0 if method == VECTOR else 2.0, rel=0.06)
    changed = not torch.equal(before["weight"], network.heads["labels"].weight)
    assert changed == (method == VECTOR)
