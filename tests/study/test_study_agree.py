"""Agreement with a coder: known counts, scikit-learn's kappa, a known lag, and the words of other vocabularies."""

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.study.agree import agreement, kappa
from mien.study.intervals import Interval
from mien.study.series import EXCLUDED, NOTHING, USED, Series

LABELS = ("happy", "sad", "neutral")


def series(labels, fps=25.0, state=None):
    n = len(labels)
    times = np.arange(n) / fps
    return Series(
        "p", times, np.full(n, 1 / fps), np.full(n, USED) if state is None else state, np.zeros(n, bool),
        np.asarray(labels), np.full((n, 3), 1 / 3), np.zeros(n, bool), {},
    )  # fmt: skip


def test_counts_and_kappa_by_hand():
    """100 frames: 40 + 20 agree, 10 + 30 do not; kappa (.6 - .5) / (1 - .5) = .2."""
    mien = [0] * 40 + [1] * 10 + [0] * 30 + [1] * 20
    coded = [Interval(0.0, 2.0, "Happiness"), Interval(2.0, 4.0, "sadness")]
    found = agreement([(series(mien), coded)], LABELS)
    assert found.counts.tolist() == [[40, 10, 0], [30, 20, 0], [0, 0, 0]]
    assert (found.frames, found.agreed) == (100, 0.6)
    assert found.kappa == pytest.approx(0.2)
    happy = found.to_dict()["labels"]["happy"]
    assert (happy["precision"], happy["recall"]) == (pytest.approx(40 / 70), pytest.approx(0.8))
    assert happy["f1"] == pytest.approx(2 * 40 / 120)


def test_kappa_is_that_of_scikit_learn():
    """On random labels both give the same number."""
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    one, two = rng.integers(0, 3, 500), rng.integers(0, 3, 500)
    two[:250] = one[:250]
    counts = metrics.confusion_matrix(one, two, labels=[0, 1, 2])
    assert kappa(counts) == pytest.approx(metrics.cohen_kappa_score(one, two))
    assert kappa(np.diag([5, 0, 0])) is None
    assert kappa(np.zeros((3, 3), np.int64)) is None


def test_lag_is_found():
    """Labels that come 0.4 s after the coder's agree fully at a lag of 0.4 s, and those before at -0.4 s."""
    truth = np.repeat([2, 0, 2, 1, 2, 0, 2], 25)
    coded = [Interval(float(i), float(i + 1), LABELS[k]) for i, k in enumerate([2, 0, 2, 1, 2, 0, 2])]
    for shift in (10, -10):
        found = agreement([(series(np.roll(truth, shift)), coded)], LABELS)
        assert found.best_lag_s == pytest.approx(shift / 25)
        assert found.best_kappa == pytest.approx(1.0)
        assert found.kappa < 0.7


def test_words_of_the_coder():
    """Words are renamed where asked; frames of unknown ones are counted and left out; so are faces that don't count."""
    state = np.array([USED] * 50 + [EXCLUDED] * 5 + [NOTHING] * 5 + [USED] * 40)
    coded = [Interval(0.0, 2.0, "Freude"), Interval(2.0, 3.0, "sad"), Interval(3.0, 4.0, "speaks")]
    found = agreement([(series([0] * 100, state=state), coded)], LABELS, {"freude": "happy"})
    assert found.counts.sum(axis=1).tolist() == [50, 15, 0]
    assert found.others == {"speaks": 25}


def test_what_cannot_be_compared():
    """Overlapping annotations, labels that the model does not have, and a wrong name are told."""
    one = series([0] * 100)
    with pytest.raises(DataError, match="overlap"):
        agreement([(one, [Interval(0, 2, "happy"), Interval(1, 3, "sad")])], LABELS)
    with pytest.raises(DataError, match="Its labels speaks are none"):
        agreement([(one, [Interval(0, 2, "speaks")])], LABELS)
    with pytest.raises(DataError, match="Unknown label"):
        agreement([(one, [Interval(0, 2, "happy")])], LABELS, {"x": "hapy"})
