"""Tests of differences agree with scipy's and find what is there; chance is called chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mien.core.errors import InputError
from mien.evaluate.confusion import confusion_counts, macro_f1
from mien.evaluate.significance import corrected_t_test, holm, mcnemar, paired_bootstrap, student_p


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 10, 30])
def test_students_t(freedom: int) -> None:
    """The p-value is scipy's for every whole number of degrees of freedom."""
    for t in (0.0, 0.3, 1.0, 2.5, -2.5, 12.0):
        assert student_p(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), abs=1e-9)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (3, 3), (1, 9), (40, 61), (900, 1100)])
def test_mcnemar_is_the_binomial_test(b: int, c: int) -> None:
    """The exact test is the binomial one on the pictures that only one model calls right, also for thousands."""
    first = np.array([True] * b + [False] * c + [True] * 7)
    second = np.array([False] * b + [True] * c + [True] * 7)
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (b, c)
    assert found.p == pytest.approx(stats.binomtest(b, b + c).pvalue if b + c else 1.0, rel=1e-9)
    with pytest.raises(InputError, match="same pictures"):
        mcnemar(first, second[1:])


def test_the_paired_bootstrap() -> None:
    """The interval holds the difference, is narrower than the pictures' own noise, and is wider over people."""
    rng = np.random.default_rng(4)
    label = rng.integers(0, 3, 600)
    first = np.where(rng.random(600) < 0.8, label, (label + 1) % 3)
    second = np.where(rng.random(600) < 0.08, (first + 1) % 3, first)  # differs on few pictures
    found = paired_bootstrap(label, first, second, 3)
    expected = macro_f1(confusion_counts(label, first, 3)) - macro_f1(confusion_counts(label, second, 3))
    assert found["macro_f1"].difference == pytest.approx(float(expected))
    assert found["accuracy"].difference == pytest.approx((first == label).mean() - (second == label).mean())
    assert found["accuracy"].low < found["accuracy"].difference < found["accuracy"].high
    d = (first == label).astype(float) - (second == label)
    assert found["accuracy"].high - found["accuracy"].low == pytest.approx(2 * 1.96 * d.std() / 600**0.5, rel=0.1)

    person = np.repeat(np.arange(20), 30)
    answers = np.where(np.isin(person, (3, 4)), (label + 1) % 3, label)  # one model fails two people
    alone = paired_bootstrap(label, label, answers, 3)["accuracy"]
    whole = paired_bootstrap(label, label, answers, 3, clusters=person)["accuracy"]
    assert whole.high - whole.low > 3 * (alone.high - alone.low)
    assert paired_bootstrap(label, first, first, 3)["accuracy"].high == 0
    with pytest.raises(InputError, match="one length"):
        paired_bootstrap([], [], [], 3)


def test_folds() -> None:
    """The corrected t-test is more careful than the plain one by the formula of Nadeau and Bengio."""
    d = [0.02, 0.035, 0.01, 0.03, 0.022]
    plain = stats.ttest_1samp(d, 0)
    found = corrected_t_test(d, 1 / 4)
    assert found.t == pytest.approx(plain.statistic * np.sqrt((1 / 5) / (1 / 5 + 1 / 4)))
    assert found.p == pytest.approx(2 * stats.t.sf(found.t, 4))
    assert found.p > plain.pvalue
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, 4) * found.mean / found.t)
    assert corrected_t_test([0.0, 0.0], 0.25).p == 1.0
    assert corrected_t_test([0.1, 0.1], 0.25).p == 0.0
    with pytest.raises(InputError, match="at least two"):
        corrected_t_test([0.1], 0.25)


def test_holm() -> None:
    """Several p-values are raised step by step and keep their order."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9]) == [0.9]
