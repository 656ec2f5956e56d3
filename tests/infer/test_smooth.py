"""Steady labels: the same at every frame rate, calm under noise, quick at a real change."""

import math

import numpy as np
import pytest

from mien.core.errors import OptionError
from mien.infer.smooth import Smoother


def noisy(happy, seconds, fps, seed, start_s=0.0):
    """Times and probabilities (happy, neutral, sad) that jump around a mean."""
    random = np.random.default_rng(seed)
    logits = np.log([happy, 1 - happy - 0.08, 0.08]) + random.normal(0, 0.6, (round(seconds * fps), 3))
    values = np.exp(logits)
    return [start_s + i / fps for i in range(len(values))], values / values.sum(1, keepdims=True)


def labels(smoother, times, values):
    return [smoother.update(1, v, t)[1] for t, v in zip(times, values, strict=True)]


def changes(sequence):
    return int((np.diff(sequence) != 0).sum())


def test_time_constant():
    """After one time constant 63 % of a step is followed (the first frames count as an average, so it begins
    settled).
    """
    smoother = Smoother(time_constant_s=0.5)
    for i in range(200):
        smoother.update(1, (1.0, 0.0), i / 100)
    for i in range(200, 250):
        smooth, _ = smoother.update(1, (0.0, 1.0), i / 100)
    assert smooth[1] == pytest.approx(1 - math.exp(-1), abs=0.01)
    assert sum(smooth) == pytest.approx(1)


@pytest.mark.parametrize("fps", [10, 30, 120])
def test_frame_rate_does_not_matter(fps):
    """A second after a change the smoothed value is the same at 10 and at 120 frames per second."""
    smoother = Smoother(time_constant_s=0.4)
    for i in range(3 * fps):
        smoother.update(1, (1.0, 0.0), i / fps)
    for i in range(3 * fps, 4 * fps + 1):
        smooth, _ = smoother.update(1, (0.0, 1.0), i / fps)
    assert smooth[0] == pytest.approx(math.exp(-(1 + 1 / fps) / 0.4), abs=1e-6)


def test_flicker_falls():
    """Noise around an undecided face: at least nine of ten changes of the raw label are gone."""
    times, values = noisy(0.48, 60, 30, seed=1)
    raw, steady = changes(values.argmax(1)), changes(labels(Smoother(), times, values))
    assert raw > 300
    assert steady <= 0.1 * raw


def test_change_shows():
    """A clear change is shown within half a second, in each of twenty noisy runs."""
    for seed in range(20):
        smoother = Smoother()
        labels(smoother, *noisy(0.8, 2, 30, seed))
        after = labels(smoother, *noisy(0.12, 1, 30, seed + 100, start_s=2.0))
        assert after.index(1) / 30 <= 0.5


def test_label_holds_until_another_leads_long_enough():
    """A lead of less than `hold_s` changes nothing; a lead that is interrupted begins anew."""
    smoother = Smoother(time_constant_s=0.0, margin=0.1, hold_s=0.2)
    script = [(0.0, 0.9), (0.1, 0.3), (0.2, 0.3), (0.25, 0.9), (0.3, 0.3), (0.45, 0.3), (0.5, 0.3)]
    held = [smoother.update(1, (happy, 1 - happy), t)[1] for t, happy in script]
    assert held == [0, 0, 0, 0, 0, 0, 1]


def test_the_label_gives_way_whoever_leads():
    """A label that has trailed for the hold time gives way, although two others take turns in leading."""
    smoother = Smoother(time_constant_s=0.0, margin=0.1, hold_s=0.2)
    turns = [(0.02, 0.8, 0.18), (0.02, 0.18, 0.8)]
    held = [smoother.update(1, (0.9, 0.05, 0.05), 0.0)[1]]
    held += [smoother.update(1, turns[i % 2], 0.1 * (i + 1))[1] for i in range(4)]
    assert held == [0, 0, 0, 1, 1]


def test_no_label_trails_for_longer_than_the_hold_time():
    """Whatever a face does at 25 frames per second, the shown label never trails by the margin for more than 0.2 s."""
    random = np.random.default_rng(3)
    smoother, trailing_since = Smoother(), None
    for i in range(3000):
        smooth, label = smoother.update(1, random.dirichlet(np.full(7, 0.2)), i / 25)
        if max(smooth) - smooth[label] <= 0.1:
            trailing_since = None
        elif trailing_since is None:
            trailing_since = i
        assert trailing_since is None or (i - trailing_since) / 25 < 0.2


def test_frames_that_lie_seconds_apart_decide_at_once():
    """With a frame every two seconds each shows its own label; nothing of the one before is left."""
    smoother = Smoother()
    script = [(0.9, 0.1), (0.1, 0.9), (0.9, 0.1), (0.45, 0.55)]
    assert [smoother.update(1, values, 2.0 * i)[1] for i, values in enumerate(script)] == [0, 1, 0, 0]


def test_label_holds_within_the_margin():
    """A lead that is smaller than the margin never changes the label."""
    smoother = Smoother(time_constant_s=0.0, margin=0.1, hold_s=0.0)
    smoother.update(1, (0.6, 0.4), 0.0)
    assert [smoother.update(1, (0.46, 0.54), t)[1] for t in (1.0, 2.0, 3.0)] == [0, 0, 0]
    assert smoother.update(1, (0.44, 0.56), 4.0)[1] == 1


def test_tracks_are_apart():
    """One face's values never reach another."""
    smoother = Smoother()
    for i in range(30):
        smoother.update(1, (1.0, 0.0), i / 30)
        smooth, label = smoother.update(2, (0.0, 1.0), i / 30)
    assert (smooth, label) == ((0.0, 1.0), 1)


def test_forgetting():
    """A track that is not kept begins anew."""
    smoother = Smoother()
    smoother.update(1, (1.0, 0.0), 0.0)
    smoother.keep(frozenset({2}))
    assert smoother.update(1, (0.0, 1.0), 0.1) == ((0.0, 1.0), 1)


def test_first_frames_are_averaged():
    """One odd first frame does not stay: the second frame counts as much as the first."""
    smoother = Smoother(time_constant_s=10)
    smoother.update(1, (1.0, 0.0), 0.0)
    assert smoother.update(1, (0.0, 1.0), 0.01)[0] == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize("options", [{"time_constant_s": -1}, {"margin": 1.5}, {"hold_s": math.nan}])
def test_impossible_options(options):
    """Wrong options are told with their value."""
    with pytest.raises(OptionError):
        Smoother(**options)
