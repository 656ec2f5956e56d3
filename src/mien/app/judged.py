"""The folder of a judgement: page, plots, JSON, every prediction, and the error gallery with its progress."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.app.terminal import progress

if TYPE_CHECKING:
    from mien.data.manifest import Manifest
    from mien.evaluate.judge import Evaluation
    from mien.infer.classify import OnnxClassifier

__all__ = ["write_folder"]


def write_folder(
    found: Evaluation,
    body: Mapping[str, Any],
    judged: Manifest,
    classifier: OnnxClassifier,
    folder: Path,
    *,
    pictures: bool,
) -> Path:
    """Write everything about a judgement; gives the path of the page.

    Args:
        found: the judgement.
        body: its JSON, with what was measured besides.
        judged: the pictures that were judged.
        classifier: what was judged.
        folder: where to.
        pictures: show pictures of the data set.

    """
    from mien.evaluate.predictions import PREDICTIONS_NAME, write_predictions
    from mien.evaluate.report import write_report

    gallery = _gallery(found, judged, classifier) if pictures else ""
    page = write_report(body, folder, gallery=gallery)
    write_predictions(
        folder / PREDICTIONS_NAME,
        judged,
        found.label,
        found.probabilities,
        classifier.labels,
        body["coverage"]["uncertain"]["below"],
    )
    return page


def _gallery(found: Evaluation, judged: Manifest, classifier: OnnxClassifier) -> str:
    from mien.evaluate.gallery import error_gallery, worst_pairs

    total = sum(len(pair.rows) for pair in worst_pairs(found.probabilities, found.label))
    with progress("Explaining", total, "pictures") as advance:
        return error_gallery(
            judged, found.label, found.probabilities, classifier, leave_out="--no-pictures", advance=advance
        )
