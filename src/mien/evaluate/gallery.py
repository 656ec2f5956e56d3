"""The error gallery of a report: the most certain wrong answers, pair of classes by pair, and what they rest on.

It shows pictures of the data set that was judged, so reports can be made without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.core.text import counted
from mien.core.types import Classifier
from mien.data.manifest import Manifest
from mien.draw.cards import Bar, Card, cards
from mien.draw.page import note, section
from mien.evaluate.explain import occlusion_map
from mien.evaluate.panel import Map, overlaid

__all__ = ["PRIVACY", "Explain", "Pair", "bars_of", "error_gallery", "occlusion", "worst_pairs"]

PRIVACY = "This page holds pictures of the data set: mind whose faces they are before you pass it on"
"""Stands where pictures of people are in a report; how to leave them out is added by who knows the option."""

_PAIRS, _PER_PAIR = 8, 3
_BARS = 8  # probabilities that are shown at least

Explain = Callable[[NDArray[np.uint8], int], Map]
"""A map over a crop that says what the answer in a column of the probabilities rests on."""


@dataclass(frozen=True)
class Pair:
    """Pictures of one class that were called another.

    Args:
        label, predicted: positions of the two classes.
        count: how many there are.
        of: pictures of the class `label`.
        rows: the most certain of them, rows of the judged pictures, the most certain first.

    """

    label: int
    predicted: int
    count: int
    of: int
    rows: tuple[int, ...]


def worst_pairs(
    probabilities: NDArray[np.floating[Any]], label: NDArray[np.int64], *, pairs: int = _PAIRS, each: int = _PER_PAIR
) -> list[Pair]:
    """The most frequent confusions, with their most certain pictures.

    Args:
        probabilities: (N, K) in 0..1.
        label: (N,) in 0..K-1.
        pairs: at most so many confusions.
        each: at most so many pictures of each.

    """
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != label)
    kinds, counts = np.unique(np.stack([label[wrong], predicted[wrong]], axis=1), axis=0, return_counts=True)
    found = []
    for k in np.argsort(-counts, kind="stable")[:pairs]:
        true, said = kinds[k].tolist()
        rows = wrong[(label[wrong] == true) & (predicted[wrong] == said)]
        surest = rows[np.argsort(-probabilities[rows, said], kind="stable")][:each]
        found.append(Pair(true, said, int(counts[k]), int((label == true).sum()), tuple(surest.tolist())))
    return found


def occlusion(classifier: Classifier) -> Explain:
    """Occlusion maps, which need the model file alone."""

    def explain(crop: NDArray[np.uint8], column: int) -> Map:
        return Map("occlusion", occlusion_map(classifier, crop, column), math.log(2), "speaks against", "needed")

    return explain


def error_gallery(
    judged: Manifest,
    label: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    classifier: Classifier,
    *,
    explain: Explain | None = None,
    leave_out: str,
    advance: Callable[[int], None] = lambda _: None,
) -> str:
    """A section of a report, as HTML.

    Args:
        judged: N rows, the pictures that were judged.
        label: (N,) position of each one's label among the classifier's.
        probabilities: (N, K) what the classifier said.
        classifier: says which crops it takes and how its labels are called.
        explain: makes the map beside each picture; None covers parts of it (`occlusion`).
        leave_out: how to make the report without pictures, such as "--no-pictures".
        advance: called with the number of pictures that were just explained.

    Raises:
        DataError: a picture cannot be read.

    """
    pairs = worst_pairs(probabilities, label)
    if not pairs:
        return section("Error gallery", note("No picture was called wrong."))
    explain, names = explain or occlusion(classifier), classifier.labels
    parts, lead = [], ""
    for pair in pairs:
        crops = judged.crops(pair.rows, classifier.crop.size, classifier.crop.color)
        shown = []
        for crop, row in zip(crops, pair.rows, strict=True):
            item = explain(crop, pair.predicted)
            lead = lead or _lead(item.title, signed=bool(item.low))
            shown.append(
                _card(
                    crop, item, str(judged.names[row]), bars_of(names, probabilities[row], pair.label, pair.predicted)
                )
            )
            advance(1)
        parts.append(_heading(names, pair) + cards(shown))
    return section("Error gallery", lead, note(f"{PRIVACY} ({leave_out} leaves them out)."), *parts)


def _lead(method: str, *, signed: bool) -> str:
    against = ", blue where the picture speaks against it" if signed else ""
    text = (
        "The most certain wrong answers of the most frequent confusions, as the model sees the pictures. In the bars "
        f"blue is the label, red the answer. The map beside each picture ({method}) is red where the answer rests on "
        f"it{against}. Some of these labels will be wrong: mien data doubts looks for such."
    )
    return f"<p>{escape(text)}</p>"


def _heading(names: Sequence[str], pair: Pair) -> str:
    count = f"{pair.count:,} of {counted(pair.of, 'picture')}"
    return f"<h3>{escape(names[pair.label])} called {escape(names[pair.predicted])} <small>{count}</small></h3>"


def bars_of(names: Sequence[str], p: NDArray[np.floating[Any]], label: int, said: int) -> list[Bar]:
    """Bars of a picture's probabilities (K,) in the order of the names: the likeliest ones, its label, its answer."""
    kinds = {label: "true", said: "said"}
    shown = {*np.argsort(-p, kind="stable")[:_BARS].tolist(), label, said}
    return [Bar(name, float(p[k]), kinds.get(k, "")) for k, name in enumerate(names) if k in shown]


def _card(crop: NDArray[np.uint8], item: Map, name: str, bars: list[Bar]) -> Card:
    face = Image.fromarray(crop).convert("RGB").resize((144, 144), Image.Resampling.BICUBIC)
    return Card([(face, "the crop"), (overlaid(face, item), item.title)], name, bars)
