"""What every training shares: parameter groups, the moving average, a loss that is lost, and signals as a wish."""

from __future__ import annotations

import os
import signal

import pytest
import torch

from mien.core.errors import TrainError
from mien.learn.steps import average_decay, decay_groups, follow, refuse_divergence
from mien.learn.stopping import heeding_signals


def test_only_matrices_decay() -> None:
    """Weights of layers decay; biases and batch norms do not; none is forgotten."""
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    matrices, others = decay_groups(network, 0.1)
    assert (matrices["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert [p.ndim for p in matrices["params"]] == [4]
    assert len(others["params"]) == 3


def test_the_average_follows() -> None:
    """The average keeps its decay's share, of weights and of statistics; early steps follow faster."""
    average, network = torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    torch.nn.init.constant_(network.weight, 3.0)
    network.running_mean = torch.full((2,), 8.0)
    follow(average, network, 0.75)
    assert average.weight.tolist() == [1.5, 1.5]
    assert average.running_mean is not None
    assert average.running_mean.tolist() == [2.0, 2.0]
    assert average_decay(0.999, 0) == pytest.approx(0.1)
    assert average_decay(0.999, 100_000) == 0.999


@pytest.mark.parametrize("loss", [1.4e12, float("nan"), float("inf")])
def test_a_lost_loss(loss: float) -> None:
    """A loss that explodes or is no number ends a run with what to do."""
    refuse_divergence(2.0, 97.0, "in epoch 1")
    with pytest.raises(TrainError, match=r"diverged in epoch 3: the loss is .*Lower 'lr'"):
        refuse_divergence(loss, 97.0, "in epoch 3")


def test_the_second_signal_ends() -> None:
    """The first Ctrl-C is a wish that is told; the second goes to whoever had the signal before."""
    told: list[str] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt), heeding_signals(told.append) as stop:
            assert not stop
            os.kill(os.getpid(), signal.SIGINT)
            assert stop
            assert told == ["SIGINT"]
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
