"""Judge a classifier on one split of a data set, and keep how it was done beside the figures.

The same code judges the file that ships and any other classifier. Draws nothing and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.core.contract import UNCERTAIN_BELOW
from mien.core.errors import DataError
from mien.core.types import Classifier
from mien.data.manifest import Manifest
from mien.evaluate.coverage import coverage_curve
from mien.evaluate.metrics import Metrics, evaluate
from mien.evaluate.order import place_of
from mien.evaluate.protocol import Task, make_task

__all__ = ["FORMAT", "Evaluation", "GroupFigures", "Unseen", "answers", "judge", "split_of"]

FORMAT = "mien-evaluation/1"
"""Name and version of the JSON that `Evaluation.to_dict` gives; docs/judging.md describes it."""

_BATCH = 256  # pictures that are decoded at a time
_COVERAGE_POINTS = 100  # of the accuracy/coverage curve in the JSON

Advance = Callable[[int], None]


class Sampling(NamedTuple):
    """Number of bootstrap resamples, their seed, and whose picture each (N,) is where that is known."""

    bootstrap: int
    seed: int
    clusters: NDArray[np.str_] | None


@dataclass(frozen=True)
class Unseen:
    """Figures without the pictures whose every pixel also occurs in the training split."""

    n_train: int
    removed: int
    figures: Metrics | None
    """None when no picture is left."""


@dataclass(frozen=True)
class GroupFigures:
    """Figures of the pictures of one group."""

    group: str
    figures: Metrics


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Figures of one model on one split, and all that is needed to read and repeat them.

    `probabilities` (N, K) and `label` (N,) are those of the judged pictures in the order of `rows`; they are for
    plots and are not written to JSON.
    """

    model: Mapping[str, Any]
    data: Mapping[str, Any]
    task: Task
    probabilities: NDArray[np.float32]
    figures: Metrics
    unseen: Unseen | None = None
    groups: tuple[GroupFigures, ...] = ()
    flip: Metrics | None = None

    @property
    def label(self) -> NDArray[np.int64]:
        """Labels (N,) of the judged pictures."""
        return self.task.label

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, as docs/judging.md describes; nothing is rounded."""
        return {
            "format": FORMAT,
            "model": dict(self.model),
            "data": dict(self.data),
            "figures": self.figures.to_dict(),
            "coverage": coverage_points(
                self.probabilities, self.label, self.model.get("uncertain_below", UNCERTAIN_BELOW)
            ),
            "unseen": None if self.unseen is None else _unseen_dict(self.unseen),
            "groups": [{"group": g.group, "figures": g.figures.to_dict()} for g in self.groups],
            "flip": None if self.flip is None else self.flip.to_dict(),
        }


def judge(
    classifier: Classifier,
    manifest: Manifest,
    *,
    split: str = "test",
    protocol: str = "auto",
    model: Mapping[str, Any] | None = None,
    flip: bool = False,
    bootstrap: int = 1000,
    seed: int = 0,
    advance: Advance | None = None,
) -> Evaluation:
    """Judge a classifier on one split.

    The figures are of a single view; `flip` adds those of the mean over a picture and its mirror image, kept apart.
    Where the data set has a training split, the figures without the pictures that occur in it are given too.

    Args:
        classifier: what is judged.
        manifest: the whole data set.
        split: "train", "validation", "test", or "all" for every picture, whatever its split.
        protocol: one of `mien.evaluate.protocol.PROTOCOLS`.
        model: what identifies the model, kept for the record; see `mien.evaluate.facts.model_facts`.
        flip: also judge the mean of two views.
        bootstrap: number of resamples for the intervals.
        seed: seed of the resampling.
        advance: called with the number of pictures that were just classified.

    Raises:
        OptionError: an unknown split or protocol.
        DataError: an empty split, no picture to judge, or a picture that cannot be read.

    """
    part = split_of(manifest, split)
    task = make_task(part, classifier.labels, protocol)
    judged = part.select(task.rows)
    p = answers(classifier, judged, advance=advance)
    sampling = Sampling(bootstrap, seed, _people(judged))
    mirrored = answers(classifier, judged, mirror=True, advance=advance) if flip else None
    return Evaluation(
        model=dict(model or {"labels": list(classifier.labels)}),
        data=_data_facts(part, judged, task, split),
        task=task,
        probabilities=p,
        figures=_figures(p, task, sampling),
        unseen=None if split in {"train", "all"} else _unseen(manifest, judged, p, task, sampling),
        groups=_groups(judged, p, task, sampling),
        flip=None if mirrored is None else _figures((p + mirrored) / 2, task, sampling),
    )


def split_of(manifest: Manifest, split: str) -> Manifest:
    """The rows of a split, or all of them for "all".

    Raises:
        OptionError: an unknown split.
        DataError: the split is empty.

    """
    if split != "all" and set(manifest.split_counts()) == {""}:
        raise DataError(
            f"{manifest.source} has no splits, so there is no split {split!r}; take all of it (--split all), or make "
            "splits with mien data split."
        )
    return manifest if split == "all" else manifest.of_split(split)


def answers(
    classifier: Classifier, manifest: Manifest, *, mirror: bool = False, advance: Advance | None = None
) -> NDArray[np.float32]:
    """Probabilities (N, K) of whole pictures, or of their mirror images, in the order of the rows.

    Raises:
        DataError: a picture cannot be read.

    """
    out = np.empty((len(manifest), len(classifier.labels)), np.float32)
    for rows in batches(len(manifest)):
        crops = manifest.crops(rows, classifier.crop.size, classifier.crop.color)
        out[rows] = classifier.classify(np.ascontiguousarray(crops[:, :, ::-1]) if mirror else crops)
        if advance is not None:
            advance(len(rows))
    return out


def batches(n: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers 0..n-1 in consecutive parts that fit into memory."""
    for start in range(0, n, _BATCH):
        yield np.arange(start, min(start + _BATCH, n))


def coverage_points(
    probabilities: NDArray[np.float32], label: NDArray[np.int64], uncertain_below: float
) -> dict[str, Any]:
    """Accuracy and coverage at every hundredth of coverage, the area under the risk, and what the threshold does."""
    curve = coverage_curve(probabilities, label)
    shares = np.arange(1, _COVERAGE_POINTS + 1) / _COVERAGE_POINTS
    points = [(float(share), *curve.at(float(share))) for share in shares]
    keys = ("coverage", "accuracy", "threshold")
    return {
        "area_under_risk": curve.area_under_risk,
        "points": [dict(zip(keys, point, strict=True)) for point in points],
        "uncertain": {"below": uncertain_below, **curve.below(uncertain_below)._asdict()},
    }


def _figures(p: NDArray[Any], task: Task, sampling: Sampling, rows: NDArray[np.bool_] | None = None) -> Metrics:
    """Figures of all judged pictures, or of those that `rows` picks."""
    pick = np.ones(len(p), bool) if rows is None else rows
    votes = None if task.votes is None else task.votes[pick]
    clusters = None if sampling.clusters is None else sampling.clusters[pick]
    return evaluate(
        p[pick], task.label[pick], task.names, votes=votes, clusters=clusters,
        bootstrap=sampling.bootstrap, seed=sampling.seed,
    )  # fmt: skip


def _unseen(
    manifest: Manifest, judged: Manifest, p: NDArray[np.float32], task: Task, sampling: Sampling
) -> Unseen | None:
    train = manifest.select(manifest.split == "train")
    if not len(train):
        return None
    fresh = ~np.isin(judged.digests, train.digests)
    figures = _figures(p, task, sampling, fresh) if fresh.any() else None
    return Unseen(n_train=len(train), removed=int((~fresh).sum()), figures=figures)


def _groups(judged: Manifest, p: NDArray[np.float32], task: Task, sampling: Sampling) -> tuple[GroupFigures, ...]:
    if judged.group is None:
        return ()
    names = sorted({str(name) for name in judged.group}, key=place_of)
    found = [(name, judged.group == name) for name in names]
    return tuple(GroupFigures(name or "unknown", _figures(p, task, sampling, rows)) for name, rows in found)


def _data_facts(part: Manifest, judged: Manifest, task: Task, split: str) -> dict[str, Any]:
    return {
        "source": part.source,
        "split": split,
        "sha256": part.digest,
        "pictures": len(part),
        "judged": len(judged),
        "protocol": task.protocol,
        "left_out": dict(task.left_out),
        "unreadable": [list(pair) for pair in part.unreadable],
        "view": "single",
        "resampled": "pictures" if _people(judged) is None else "people",
    }


def _people(judged: Manifest) -> NDArray[np.str_] | None:
    """Whose picture each is (N,), where the data says it; an unknown person is a person of their own."""
    if judged.subject is None or not np.any(judged.subject != ""):
        return None
    alone = np.array([f"picture {i}" for i in range(len(judged))])
    return np.where(judged.subject == "", alone, np.char.add("person ", judged.subject))


def _unseen_dict(unseen: Unseen) -> dict[str, Any]:
    return {
        "n_train": unseen.n_train,
        "removed": unseen.removed,
        "figures": None if unseen.figures is None else unseen.figures.to_dict(),
    }
