"""Set the confidence below which a model file's readings are uncertain; for files that were made without one.

    python -m mien.learn.abstain MODEL.onnx SOURCE

MODEL.onnx is judged on the validation split of SOURCE, and its metadata get the threshold; the graph stays as it is.
Files that `mien train` and `mien export --int8` write have theirs already. Knows no training.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mien.core.errors import MienError
from mien.data import read
from mien.data.manifest import Manifest
from mien.evaluate.coverage import choose_threshold
from mien.evaluate.judge import judge
from mien.infer.classify import load_classifier
from mien.learn.export import rewrite_info

__all__ = ["set_threshold"]


def set_threshold(model: Path | str, manifest: Manifest) -> float:
    """Choose the threshold of a model file on the validation split and write it into the metadata; gives it.

    Raises:
        ModelError: the file is not a model of this project.
        DataError: the data have no validation split.

    """
    evaluation = judge(load_classifier(model), manifest, split="validation", bootstrap=0)
    p = evaluation.probabilities
    threshold = choose_threshold(p.max(axis=1), p.argmax(axis=1) == evaluation.label)
    rewrite_info(model, uncertain_below=threshold)
    return threshold


def main(arguments: list[str]) -> int:
    """Run the command; gives the exit status."""
    if len(arguments) != 2:
        sys.stderr.write("Usage: python -m mien.learn.abstain MODEL.onnx SOURCE\n")
        return 2
    try:
        threshold = set_threshold(arguments[0], read(arguments[1]))
    except MienError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stdout.write(f"{arguments[0]}: readings with a confidence below {threshold:.3f} are uncertain.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
