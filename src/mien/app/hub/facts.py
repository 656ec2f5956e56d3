"""What a repository of the hub says of a model: its evaluations, without anything of the machine that made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from mien.core.errors import DataError

if TYPE_CHECKING:
    from mien.infer.classify import OnnxClassifier

__all__ = ["evaluation_beside", "evaluations_of"]

_PUBLISHED = ("format", "model", "data", "figures", "coverage", "unseen", "groups", "flip", "corruptions", "speed")


def evaluations_of(classifier: OnnxClassifier, given: Sequence[Path] = ()) -> list[dict[str, Any]]:
    """Evaluations of a model file that may be published: those given, and the one that lies beside it.

    Folders and names of pictures are left out.

    Args:
        classifier: the model.
        given: files that `mien evaluate --report` wrote.

    Raises:
        DataError: a given one cannot be read, or is of another model file.

    """
    from mien.evaluate.records import read_evaluation

    found: list[dict[str, Any]] = []
    for path in given:
        body = read_evaluation(path)
        if body["model"].get("sha256") != classifier.sha256:
            raise DataError(
                f"{path} judges another file than {classifier.path}: expected SHA-256 {classifier.sha256}, "
                f"got {body['model'].get('sha256')}. Evaluate this model again."
            )
        found.append(body)
    beside = evaluation_beside(classifier)
    return [_public(body) for body in _distinct([*found, *([] if beside is None else [beside])])]


def evaluation_beside(classifier: OnnxClassifier) -> dict[str, Any] | None:
    """The evaluation of this very file that lies beside it (`NAME.evaluation.json`) or in its run's folder, or None.

    As it may be published: folders and names of pictures are left out.
    """
    from mien.core.errors import MienError
    from mien.evaluate.records import read_evaluation

    path = classifier.path
    in_run = path.parent / "evaluation" / path.name.replace("model", "validation", 1)
    for file in (path.with_suffix(".evaluation.json"), in_run.with_suffix(".json")):
        try:
            body = read_evaluation(file)
        except MienError:  # absent, or of another kind: then there is none
            continue
        if body["model"].get("sha256") == classifier.sha256:
            return _public(body)
    return None


def _distinct(bodies: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without second evaluations on the same pictures by the same protocol."""
    seen: dict[tuple[str, ...], dict[str, Any]] = {}
    for body in bodies:
        seen.setdefault(tuple(body["data"][key] for key in ("sha256", "protocol", "split")), body)
    return list(seen.values())


def _public(body: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: body[key] for key in _PUBLISHED if key in body}
    data = body["data"]
    unreadable = [[_last(name), _last(reason)] for name, reason in data["unreadable"]]
    return {**kept, "data": {**data, "source": _last(data["source"]), "unreadable": unreadable}}


def _last(path: str) -> str:
    """The last part of a path of any system."""
    return PureWindowsPath(path).name or path
