"""Softer targets from model files: their answers, and what these say about a label that may be wrong.

Labels of one rater each are wrong in a fifth or more of the pictures. A regression of the label on the teachers'
answers, always fitted on other groups of pictures, says how likely every label is; mixed with the label itself it
makes odd labels count less (after labels_given_votes; cross-validation as in Northcutt et al. 2021).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor
from torch.nn import functional

from mien.core.files import atomic_write
from mien.core.text import counted
from mien.data.manifest import Manifest
from mien.learn.export import run_file

__all__ = ["answers_of", "cleaned", "kept_answers", "labels_given_answers", "load_answers", "save_answers"]

Floats = NDArray[np.float32]

_KEY = "asked"
_FOLDS = 5
_STEPS = 40
_RIDGE = 1e-4
_FLOOR = 1e-3  # of a probability before its logarithm


def answers_of(files: Mapping[str, Path], crops: Tensor) -> dict[str, Floats]:
    """Probabilities (N, K) of model files, by the head that each teaches, for crops (N, S, S) uint8.

    Raises:
        ModelError: a file cannot be read.

    """
    said = {path: run_file(path, crops.numpy()) for path in set(files.values())}
    return {head: said[path] for head, path in files.items()}


def kept_answers(
    files: Mapping[str, Path], crops: Tensor, kept: Path, source: str, say: Callable[[str], None]
) -> dict[str, Floats]:
    """`answers_of`, kept in a file for the next time, since asking takes minutes; no files, no answers.

    Args:
        files: see `answers_of`.
        crops: see `answers_of`.
        kept: the file; answers of other teachers or to other crops in it are asked for anew.
        source: name of the data set, for messages.
        say: where messages go.

    """
    if not files:
        return {}
    asked = hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files.values()))
    asked.update(crops.numpy().tobytes())
    known = load_answers(kept, asked.hexdigest())
    if known is None:
        say(f"Asking {counted(len(files), 'teacher')} about {len(crops):,} pictures of {source}.")
        known = answers_of(files, crops)
        save_answers(kept, asked.hexdigest(), known)
    return known


def cleaned(target: Tensor, manifest: Manifest, share: float, answers: Mapping[str, Floats]) -> Tensor:
    """Targets (N, K) mixed with a share of `labels_given_answers` for the manifest's N labels."""
    likely = labels_given_answers(answers, manifest.label, len(manifest.labels), manifest.subject)
    return torch.lerp(target, torch.from_numpy(likely), share)


def save_answers(path: Path, key: str, answers: Mapping[str, Floats]) -> None:
    """Keep answers in a file, with what they were given to.

    Raises:
        OutputError: the file cannot be written.

    """
    with atomic_write(path) as file:
        file.write(save({name: np.ascontiguousarray(p) for name, p in answers.items()}, {_KEY: key}))


def load_answers(path: Path, key: str) -> dict[str, Floats] | None:
    """Kept answers; None where there are none, or they are of other pictures or teachers."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, "np") as file:
            if (file.metadata() or {}).get(_KEY) != key:
                return None
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError):
        return None  # a file that was cut off; the teachers are asked again


def labels_given_answers(
    answers: Mapping[str, Floats], label: NDArray[np.int64], classes: int, groups: NDArray[np.str_] | None = None
) -> Floats:
    """Probability of every label in view of teachers' answers (N, K), each from a fit on other groups of pictures.

    Multinomial logistic regression on probabilities and their logarithms, five folds.

    Args:
        answers: probabilities (N, L) per teacher.
        label: (N,) in 0..K-1.
        classes: K.
        groups: (N,) pictures of one group stay in one fold; None takes every picture for itself.

    """
    given = [torch.from_numpy(p) for p in answers.values()]
    x = torch.cat([*given, *((p + _FLOOR).log() for p in given)], dim=1)
    x = (x - x.mean(dim=0)) / (x.std(dim=0) + _FLOOR)
    y = torch.from_numpy(label)
    fold = torch.from_numpy(_folds(len(label), groups))
    out = torch.zeros(len(label), classes)
    for k in range(_FOLDS):
        held = fold == k
        weight, bias = _fit(x[~held], y[~held], classes)
        out[held] = (x[held] @ weight + bias).softmax(dim=1)
    return out.numpy()


def _folds(n: int, groups: NDArray[np.str_] | None) -> NDArray[np.int64]:
    number = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    return (np.random.default_rng(0).permutation(int(number.max()) + 1) % _FOLDS)[number]


def _fit(x: Tensor, y: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    weight = torch.zeros(x.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = functional.cross_entropy(x @ weight + bias, y) + _RIDGE * weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return weight.detach(), bias.detach()
