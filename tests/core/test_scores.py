"""Softmax against values worked by hand."""

import numpy as np

from mien.core.scores import log_softmax, softmax


def test_softmax_by_hand():
    """log 1, log 2, log 5 give 1/8, 2/8, 5/8; temperature 2 takes the square roots."""
    logits = np.log([1.0, 4.0, 25.0])

    np.testing.assert_allclose(softmax(logits), [1 / 30, 4 / 30, 25 / 30])
    np.testing.assert_allclose(softmax(logits, temperature=2), [1 / 8, 2 / 8, 5 / 8])


def test_large_logits_do_not_overflow():
    """Only differences count, however large the numbers."""
    np.testing.assert_allclose(softmax([[1e6, 1e6]]), [[0.5, 0.5]])
    assert np.isfinite(log_softmax([-1e6, 1e6])).all()
