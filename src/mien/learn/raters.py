"""What raters' votes say about a picture's hard label, where a data set has both.

FER-2013's labels and FER+'s votes agree on two pictures of three only, so a label alone is a noisy target. How likely
every label is in view of the votes, learnt over the whole training split, is a softer one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

__all__ = ["labels_given_votes"]

_STEPS = 300
_INVERSE_RIDGE = 1.0


def labels_given_votes(votes: NDArray[np.float32], label: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Probability of every label given a picture's votes (N, K) float32, rows sum to 1.

    Multinomial logistic regression on the counts and their logarithms; a label that no picture has gets 0.

    Args:
        votes: (N, V) counts of at least 0.
        label: (N,) in 0..K-1, of two classes at least.
        classes: K.

    """
    features = np.concatenate([votes / votes.sum(axis=1).max(), np.log1p(votes)], axis=1)
    regression = LogisticRegression(C=_INVERSE_RIDGE, max_iter=_STEPS).fit(features, label)
    out = np.zeros((len(label), classes), np.float32)
    out[:, regression.classes_] = regression.predict_proba(features)
    return out
