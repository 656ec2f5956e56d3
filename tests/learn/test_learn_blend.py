"""Several heads as one: class shares that are divided out, geometric means, and the choice on validation splits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from mien.core.errors import InputError
from mien.core.scores import softmax
from mien.learn.blend import View, Voice, balanced_loss, blended, choose_blend, voiced_logits

NAMES = ("happy", "sad", "neutral")
FIRST = Voice("labels", NAMES, (0.7, 0.1, 0.2), weight=0.6, power=0.5)
SECOND = Voice("votes", ("neutral", "happiness", "sadness", "contempt"), (0.5, 0.3, 0.1, 0.1), weight=0.4, power=1.0)


def _heads() -> dict[str, nn.Linear]:
    torch.manual_seed(0)
    return {"labels": nn.Linear(5, 3), "votes": nn.Linear(5, 4)}


def _view(heads: dict[str, nn.Linear], n: int = 40) -> View:
    x = torch.randn(n, 5, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = {name: head(x).numpy() for name, head in heads.items()}
    return View(logits, np.arange(n) % 3)


def test_one_head_for_all() -> None:
    """One linear head must give exactly what the formula over several heads gives, with classes matched by meaning."""
    heads = _heads()
    x = torch.randn(40, 5, generator=torch.Generator().manual_seed(1))
    wanted = voiced_logits(_view(heads), (FIRST, SECOND), NAMES)
    with torch.no_grad():
        np.testing.assert_allclose(blended(heads, (FIRST, SECOND), NAMES)(x).numpy(), wanted, atol=1e-5)


def test_shares_divided_out() -> None:
    """Divided by the shares to the power 1, a posterior under uneven shares must become the one under even shares."""
    likelihood = np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]])
    shares = np.array(FIRST.shares)
    uneven = likelihood * shares / (likelihood * shares).sum(axis=1, keepdims=True)
    view = View({"labels": np.log(uneven).astype(np.float32)}, np.array([0, 1]))
    even = softmax(voiced_logits(view, (Voice("labels", NAMES, FIRST.shares, 1.0, 1.0),), NAMES))
    np.testing.assert_allclose(even, likelihood, atol=1e-6)


def test_missing_class() -> None:
    """A head that lacks a class of the blend must be refused by name."""
    with pytest.raises(InputError, match="'labels' has no class 'fear'"):
        blended(_heads(), (FIRST,), ("happy", "fear"))


def test_balanced_loss_by_hand() -> None:
    """With full evenness every class must count alike, however many pictures it has."""
    logits = np.log(np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.8, 0.2]]))
    label = np.array([0, 0, 0, 1])
    each = -np.log([0.9, 0.2])
    assert balanced_loss(logits, label, 1.0) == pytest.approx(each.mean())
    assert balanced_loss(logits, label, 0.0) == pytest.approx((3 * each[0] + each[1]) / 4)


def test_choice() -> None:
    """The choice must find the head that knows and leave out the one that guesses."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 300)
    knows = (np.eye(3)[label] * 3 + rng.normal(0, 0.5, (300, 3))).astype(np.float32)
    view = View({"labels": knows, "other": rng.normal(0, 1, (300, 3)).astype(np.float32)}, label)
    voices = (Voice("labels", NAMES, (1 / 3,) * 3), Voice("other", NAMES, (1 / 3,) * 3))
    found, loss = choose_blend(
        [view], voices, NAMES, shares=(0.0, 0.5, 1.0), powers=(0.0, 1.0), scales=(0.5, 1.0, 2.0), evenness=0.7
    )
    assert [voice.head for voice in found] == ["labels"]
    assert loss == pytest.approx(balanced_loss(voiced_logits(view, found, NAMES), label, 0.7))


def test_a_blend_must_be_accurate_enough() -> None:
    """Of those that are right often enough on the first view the lowest loss wins; where none is, it says so."""
    rng = np.random.default_rng(1)
    label = rng.integers(0, 3, 300)
    names = NAMES
    heads = {
        "labels": (np.eye(3)[label] * 3 + rng.normal(0, 1.2, (300, 3))).astype(np.float32),
        "other": rng.normal(0, 1, (300, 3)).astype(np.float32),
    }
    home, abroad = View(heads, label), View({"labels": heads["other"], "other": heads["labels"]}, label)
    voices = (Voice("labels", names, (1 / 3,) * 3), Voice("other", names, (1 / 3,) * 3))

    def accuracy(least: float) -> float:
        found, _ = choose_blend(
            [home, abroad, abroad], voices, names, shares=(0.0, 0.5, 1.0), powers=(0.0,), scales=(0.5, 1.0, 2.0),
            evenness=0.0, least_accuracy=least,
        )  # fmt: skip
        return float((voiced_logits(home, found, names).argmax(axis=1) == label).mean())

    alone = float((heads["labels"].argmax(axis=1) == label).mean())
    assert accuracy(0.0) < alone - 0.02
    assert accuracy(alone) == alone
    with pytest.raises(InputError, match="No blend has an accuracy of 1"):
        accuracy(1.0)
