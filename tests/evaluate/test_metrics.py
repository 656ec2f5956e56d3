"""Figures against scikit-learn and against cases worked by hand."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mien.core.errors import InputError
from mien.evaluate.confusion import confusion_counts
from mien.evaluate.coverage import coverage_curve
from mien.evaluate.metrics import evaluate

NAMES = ("a", "b", "c", "d", "e", "f", "g")


def sample(n: int, k: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Random probabilities (N, K), and labels (N,) that agree with them more often than chance."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(k, 0.4), size=n)
    right = rng.random(n) < 0.6
    return p, np.where(right, p.argmax(axis=1), rng.integers(0, k, n))


@pytest.mark.parametrize(("n", "k", "seed"), [(3589, 7, 0), (50, 7, 1), (200, 2, 2), (9, 7, 3)])
def test_agrees_with_scikit_learn(n: int, k: int, seed: int):
    """Every figure that scikit-learn also has agrees with it to 1e-6."""
    sk = pytest.importorskip("sklearn.metrics")
    p, y = sample(n, k, seed)
    ours = evaluate(p, y, NAMES[:k], bootstrap=0)
    answer = p.argmax(axis=1)
    labels = list(range(k))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns where a class is never answered
        precision, recall, f1, support = sk.precision_recall_fscore_support(y, answer, labels=labels, zero_division=0)
        balanced = sk.balanced_accuracy_score(y, answer)
    assert ours.accuracy == pytest.approx(sk.accuracy_score(y, answer), abs=1e-6)
    assert ours.macro_f1 == pytest.approx(sk.f1_score(y, answer, average="macro"), abs=1e-6)
    assert ours.balanced_accuracy == pytest.approx(balanced, abs=1e-6)
    assert ours.log_loss == pytest.approx(sk.log_loss(y, p, labels=labels), abs=1e-6)
    assert ours.brier == pytest.approx(np.mean(((p - np.eye(k)[y]) ** 2).sum(1)), abs=1e-6)
    assert [c.precision for c in ours.classes] == pytest.approx(list(precision), abs=1e-6)
    assert [c.recall for c in ours.classes] == pytest.approx(list(recall), abs=1e-6)
    assert [c.f1 for c in ours.classes] == pytest.approx(list(f1), abs=1e-6)
    assert [c.support for c in ours.classes] == list(support)
    np.testing.assert_array_equal(ours.confusion, sk.confusion_matrix(y, answer, labels=labels))


def test_top2_agrees_with_scikit_learn():
    """Top-2 accuracy is scikit-learn's top_k_accuracy_score with k = 2."""
    sk = pytest.importorskip("sklearn.metrics")
    p, y = sample(500, 7, 4)
    expected = sk.top_k_accuracy_score(y, p, k=2, labels=list(range(7)))
    assert evaluate(p, y, NAMES, bootstrap=0).top2_accuracy == pytest.approx(expected, abs=1e-6)


def test_ece_worked_by_hand():
    """ECE by hand: four answers at 0.9 of which two are right, and one right answer at 0.6. Bins of width 1/15:
    0.9 lies in (13/15, 14/15], 0.6 in (8/15, 9/15]; gaps 0.4 and 0.4; ECE = 0.8*0.4 + 0.2*0.4.
    """
    p = [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.6, 0.4]]
    figures = evaluate(p, [0, 1, 1, 0, 0], ("no", "yes"))
    assert figures.ece == pytest.approx(0.4)
    assert figures.mean_confidence == pytest.approx(0.84)
    filled = [b for b in figures.reliability if b.count]
    assert [(b.count, b.accuracy) for b in filled] == [(1, 1.0), (4, 0.5)]
    assert [b.confidence for b in filled] == pytest.approx([0.6, 0.9])
    assert all(b.lower < b.confidence <= b.upper for b in filled if b.confidence is not None)
    # Adaptive ECE has one image per bin here: 0.1 for each right answer at 0.9, 0.9 for each wrong one, 0.4 for 0.6.
    assert figures.adaptive_ece == pytest.approx((0.1 + 0.1 + 0.9 + 0.9 + 0.4) / 5)


def test_gaps_of_bins_do_not_cancel():
    """Opposite gaps cancel within one bin but not between bins, which is what tells ECE from the mean gap."""
    p = [[0.95, 0.05]] * 10 + [[0.65, 0.35]] * 10
    labels = [0] * 8 + [1] * 2 + [0] * 8 + [1] * 2  # 80 % right at 0.95 and at 0.65
    figures = evaluate(p, labels, ("no", "yes"))
    assert figures.mean_confidence == pytest.approx(figures.accuracy)
    assert figures.ece == pytest.approx(0.15)


def test_absent_class_changes_nothing():
    """A class that nobody answers and that never occurs leaves macro-F1 and balanced accuracy alone and gets zeros."""
    p, y = sample(300, 3, 5)
    padded = np.concatenate([p, np.zeros((300, 1))], axis=1)
    small, large = evaluate(p, y, NAMES[:3], bootstrap=0), evaluate(padded, y, NAMES[:4], bootstrap=0)
    assert small.macro_f1 == pytest.approx(large.macro_f1)
    assert small.balanced_accuracy == pytest.approx(large.balanced_accuracy)
    assert (large.classes[3].f1, large.classes[3].support) == (0.0, 0)


def test_interval_is_that_of_resampled_images():
    """The direct multinomial bootstrap has the distribution of resampling images one by one."""
    sk = pytest.importorskip("sklearn.metrics")
    p, y = sample(400, 4, 6)
    answer = p.argmax(axis=1)
    rng = np.random.default_rng(1)
    rows = [rng.integers(0, 400, 400) for _ in range(800)]
    accuracy = [(answer[r] == y[r]).mean() for r in rows]
    f1 = [sk.f1_score(y[r], answer[r], average="macro") for r in rows]
    figures = evaluate(p, y, NAMES[:4], bootstrap=4000)
    assert figures.accuracy_interval == pytest.approx(np.percentile(accuracy, [2.5, 97.5]), abs=0.012)
    assert figures.macro_f1_interval == pytest.approx(np.percentile(f1, [2.5, 97.5]), abs=0.012)


def test_clusters_are_resampled_as_a_whole():
    """Pictures of one person come and go together: ten copies of each picture widen the interval by the root of ten."""
    p, y = sample(150, 4, 9)
    person = np.arange(150)
    once = evaluate(p, y, NAMES[:4], bootstrap=4000).accuracy_interval
    tenfold = [np.repeat(a, 10, axis=0) for a in (p, y, person)]
    alone = evaluate(tenfold[0], tenfold[1], NAMES[:4], bootstrap=4000).accuracy_interval
    together = evaluate(tenfold[0], tenfold[1], NAMES[:4], clusters=tenfold[2], bootstrap=4000).accuracy_interval
    assert once is not None
    assert alone is not None
    assert together == pytest.approx(once, abs=0.012)
    assert alone[1] - alone[0] == pytest.approx((once[1] - once[0]) / np.sqrt(10), rel=0.1)


def test_clusters_of_one_picture():
    """With a person for each picture, clusters change nothing but the random numbers; names may be text."""
    p, y = sample(300, 4, 10)
    names = np.array([f"person {i}" for i in range(300)])
    one, other = evaluate(p, y, NAMES[:4], bootstrap=4000), evaluate(p, y, NAMES[:4], clusters=names, bootstrap=4000)
    assert one.macro_f1_interval == pytest.approx(other.macro_f1_interval, abs=0.012)
    with pytest.raises(InputError, match=r"Clusters must have the shape \(300,\)"):
        evaluate(p, y, NAMES[:4], clusters=names[:5])


def test_interval_is_reproducible():
    """The same seed gives the same interval; no bootstrap gives none."""
    p, y = sample(200, 7, 7)
    assert evaluate(p, y, NAMES, seed=3) == evaluate(p, y, NAMES, seed=3)
    none = evaluate(p, y, NAMES, bootstrap=0)
    assert none.accuracy_interval is none.macro_f1_interval is none.balanced_accuracy_interval is None


def test_kl_to_votes_worked_by_hand():
    """KL to votes by hand: votes (3, 1) against (0.5, 0.5) is 0.75 ln 1.5 + 0.25 ln 0.5; a row without votes is
    left out.
    """
    figures = evaluate([[0.5, 0.5], [0.9, 0.1]], [0, 0], ("a", "b"), votes=[[3, 1], [0, 0]])
    assert figures.kl_votes == pytest.approx(0.75 * np.log(1.5) + 0.25 * np.log(0.5))
    assert figures.n_votes == 1
    assert evaluate([[0.5, 0.5]], [0], ("a", "b"), votes=[[0, 0]]).kl_votes is None


def test_to_dict_is_json():
    """The figures are plain values: JSON takes them, without NaN, and gives them back."""
    p, y = sample(30, 7, 8)
    body = evaluate(p, y, NAMES, votes=p).to_dict()
    again = json.loads(json.dumps(body, allow_nan=False))
    assert again["accuracy"] == body["accuracy"]
    assert again["confusion"] == [list(row) for row in body["confusion"]]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(2, 7), st.integers(0, 10_000))
def test_figures_lie_in_range(n: int, k: int, seed: int):
    """Whatever the probabilities, every figure lies in its range, and the surest answers add up to the accuracy."""
    p, y = sample(n, k, seed)
    m = evaluate(p, y, NAMES[:k], votes=p, bootstrap=20)
    unit = [m.accuracy, m.macro_f1, m.balanced_accuracy, m.top2_accuracy, m.ece, m.adaptive_ece, m.mean_confidence]
    assert all(0 <= value <= 1 for value in unit)
    assert m.top2_accuracy >= m.accuracy
    assert 0 <= m.brier <= 2
    assert m.log_loss >= 0
    assert m.kl_votes == pytest.approx(0, abs=1e-9)
    assert np.sum(m.confusion) == n == sum(b.count for b in m.reliability)
    assert abs(m.accuracy - m.mean_confidence) <= m.ece + 1e-9
    assert coverage_curve(p, y).accuracy[-1] == pytest.approx(m.accuracy)


def test_perfect_model():
    """A perfect model has perfect figures."""
    m = evaluate(np.eye(3)[[0, 1, 2, 1]], [0, 1, 2, 1], NAMES[:3])
    assert (m.accuracy, m.macro_f1, m.balanced_accuracy, m.brier, m.ece) == (1, 1, 1, 0, 0)
    assert m.accuracy_interval == (1, 1)


def test_coverage_curve_worked_by_hand():
    """The coverage curve answers the surest first: confidences 0.9 right, 0.8 wrong, 0.6 right."""
    curve = coverage_curve([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6]], [0, 0, 1])
    assert curve.coverage == pytest.approx([1 / 3, 2 / 3, 1])
    assert curve.accuracy == pytest.approx([1, 1 / 2, 2 / 3])
    assert curve.threshold == pytest.approx([0.9, 0.8, 0.6])
    assert curve.area_under_risk == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)
    assert curve.at(2 / 3) == pytest.approx((0.5, 0.8))
    assert curve.at(0.0) == pytest.approx((1.0, 0.9))


def test_confusion_rows_are_labels():
    """Rows of the confusion counts are labels, columns are answers."""
    np.testing.assert_array_equal(confusion_counts([0, 0, 1], [1, 1, 0], 2), [[0, 2], [1, 0]])


@pytest.mark.parametrize(
    ("probabilities", "labels", "votes", "says"),
    [
        ([[0.5, 0.5]], [0, 1], None, r"shape \(1,\)"),
        ([[0.5, 0.3, 0.2]], [0], None, r"shape \(images, 2\)"),
        ([0.5, 0.5], [0, 1], None, r"shape \(images, 2\)"),
        (np.zeros((0, 2)), np.zeros(0, np.int64), None, "no images"),
        ([[np.nan, 0.5]], [0], None, "finite, but row 0"),
        ([[0.5, 0.5], [3.0, -1.0]], [0, 0], None, "row 1 .* logits"),
        ([[1.5, -0.5]], [0], None, "minimum -0.5"),
        ([[0.5, 0.5]], [2], None, r"0\.\.1, got 2"),
        ([[0.5, 0.5]], [-1], None, r"0\.\.1, got -1"),
        ([[0.5, 0.5]], [0.0], None, "whole numbers, got float64"),
        ([[0.5, 0.5]], [0], [[1, 2, 3]], "Votes must have the shape"),
        ([[0.5, 0.5]], [0], [[1, -2]], "at least 0"),
    ],
)
def test_bad_input_is_refused(probabilities: object, labels: object, votes: object, says: str):
    """What cannot be judged is refused with a sentence that says what was expected."""
    with pytest.raises(InputError, match=says):
        evaluate(probabilities, labels, ("a", "b"), votes=votes)  # type: ignore[arg-type]


def test_negative_bootstrap_is_refused():
    """A negative number of resamples is refused."""
    with pytest.raises(InputError, match="0 or more, got -1"):
        evaluate([[1.0, 0.0]], [0], ("a", "b"), bootstrap=-1)
