"""Targets: votes as shares, the official majority rule, smoothing, class weights and the loss."""

from __future__ import annotations

import dataclasses
from itertools import chain

import numpy as np
import pytest
import torch

from mien.core.errors import TrainError
from mien.core.labels import FERPLUS, FERPLUS_VOTES
from mien.data.manifest import Manifest
from mien.learn.dataset import BatchSampler, class_weights
from mien.learn.module import soft_cross_entropy
from mien.learn.raters import labels_given_votes
from mien.learn.targets import Head, heads_of, vote_shares


def test_votes_by_hand() -> None:
    """Five images worked by hand: clear, a single vote dropped, unknown wins, nothing left, no majority."""
    votes = np.zeros((5, 10), np.float32)
    votes[0, [0, 1]] = 7, 3
    votes[1, [0, 1, 4]] = 6, 1, 3
    votes[2, [0, 8]] = 4, 6
    votes[3, [0, 1, 2]] = 1
    votes[4, [0, 1]] = 5
    labels, shares, label = vote_shares(votes, FERPLUS_VOTES.names)
    assert labels.names == FERPLUS.names
    assert shares[0, :2] == pytest.approx([0.7, 0.3])
    assert shares[1, [0, 1, 4]] == pytest.approx([2 / 3, 0, 1 / 3])
    assert shares[2].sum() == 0
    assert shares[3].sum() == 0
    assert shares[4, :2] == pytest.approx([0.5, 0.5])
    assert label.tolist() == [0, 0, -1, -1, -1]


def test_smoothing(drawn: Manifest) -> None:
    """Label smoothing spreads its share over all classes."""
    (head,) = heads_of(drawn, "hard", 0.3)
    assert head.targets[0] == pytest.approx([0.8, 0.1, 0.1])
    assert [h.name for h in heads_of(drawn, "both")] == ["labels", "votes"]


def test_labels_given_votes() -> None:
    """Raters who cannot tell two labels apart leave the shares of the labels; clear votes decide. Worked by
    counting.
    """
    votes = np.zeros((400, 3), np.float32)
    votes[:200, 0], votes[200:, 1] = 10, 10
    label = np.r_[np.zeros(150), np.ones(50), np.full(200, 2)].astype(np.int64)
    said = labels_given_votes(votes, label, 4)
    assert said[0] == pytest.approx([0.75, 0.25, 0, 0], abs=0.02)
    assert said[-1] == pytest.approx([0, 0, 1, 0], abs=0.02)


def test_vote_share(drawn: Manifest) -> None:
    """The share of the votes is taken from the label, before smoothing; rows still sum to 1."""
    assert drawn.votes is not None
    (head,) = heads_of(drawn, "hard", 0.3, 0.5)
    own = np.eye(3)[drawn.label]
    said = labels_given_votes(drawn.votes, drawn.label, 3)
    assert head.targets == pytest.approx((own + said) / 2 * 0.7 + 0.1, abs=1e-6)
    assert head.targets.sum(axis=1) == pytest.approx(np.ones(len(drawn)), abs=1e-5)
    with pytest.raises(TrainError, match="'vote_share' cannot be learnt"):
        heads_of(dataclasses.replace(drawn, votes=None, vote_labels=()), "hard", 0, 0.5)


def test_class_weights_by_hand(drawn: Manifest) -> None:
    """Weights are inverse to the frequency, and their mean over pictures is 1: 3 of a, 1 of b gives 2/3 and 2."""
    head = Head("labels", drawn.labels.subset(["happy", "sad"]), np.eye(2, dtype=np.float32)[[0, 0, 0, 1]],
                np.array([0, 0, 0, 1]))  # fmt: skip
    assert class_weights(head) == pytest.approx([2 / 3, 2])


def test_loss() -> None:
    """The loss is torch's cross-entropy where targets are classes, and rows without a target do not count."""
    torch.manual_seed(0)
    logits, label = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    targets = torch.eye(4)[label]
    assert soft_cross_entropy(logits, targets) == pytest.approx(float(torch.nn.functional.cross_entropy(logits, label)))
    targets[3:] = 0
    wanted = torch.nn.functional.cross_entropy(logits[:3], label[:3])
    assert soft_cross_entropy(logits, targets) == pytest.approx(float(wanted))


def test_order_of_batches() -> None:
    """Every row once per epoch, in an order of its own, that only seed and epoch decide."""
    epoch = [0]
    sampler = BatchSampler(10, 4, seed=1, epoch=lambda: epoch[0])
    first = list(sampler)
    assert sorted(chain(*first)) == list(range(10))
    assert [len(b) for b in first] == [4, 4, 2]
    assert len(sampler) == 3
    epoch[0] = 1
    assert list(sampler) != first
    epoch[0] = 0
    assert list(sampler) == first
    assert [len(b) for b in BatchSampler(10, 4, seed=1, drop_last=True)] == [4, 4]


def test_processes_share_an_epoch() -> None:
    """Two processes must share an epoch without seeing a row twice, in equally many batches."""
    parts = [list(BatchSampler(11, 2, seed=4, rank=rank, world=2)) for rank in (0, 1)]
    rows = [set(chain(*part)) for part in parts]
    assert not rows[0] & rows[1]
    assert len(parts[0]) == len(parts[1]) == 3


def test_balanced_sampler() -> None:
    """A balanced sampler draws a rare class about as often as a frequent one."""
    weights = np.where(np.arange(1000) < 50, 1 / 50, 1 / 950)
    drawn_rows = np.fromiter(chain(*BatchSampler(1000, 100, seed=0, weights=weights)), int)
    assert 400 < (drawn_rows < 50).sum() < 600


def test_validation_drops_nothing() -> None:
    """Validation on several processes must judge every picture, also where they cannot be shared evenly."""
    parts = [list(chain(*BatchSampler(11, 4, rank=rank, world=2))) for rank in (0, 1)]
    assert sorted(chain(*parts)) == list(range(11))
