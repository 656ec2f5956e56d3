"""`mien bench classify`: milliseconds for face crops, by model file, batch size and threads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mien.app.bench.results import Column, Result, read_stored, result_options, tell
from mien.infer.registry import DEFAULT_MODEL, PAGE_MODEL

if TYPE_CHECKING:
    from mien.infer.classify import OnnxClassifier

_FIGURE = "ms_per_face"
_COLUMNS: Sequence[Column] = (
    ("model, batch, threads", lambda row: row["name"]),
    ("median ms", lambda row: f"{row['median_ms']:.3f}"),
    ("p95 ms", lambda row: f"{row['p95_ms']:.3f}"),
    ("per face", lambda row: f"{row['ms_per_face']:.3f}"),
    ("best", lambda row: f"{row['best_ms'] / row['batch']:.3f}"),
    ("faces/s", lambda row: f"{1e3 / row['ms_per_face']:,.0f}"),
)


@click.command()
@click.option(
    "--model",
    "models",
    multiple=True,
    default=(DEFAULT_MODEL, PAGE_MODEL),
    show_default=True,
    help="Shipped name, .onnx file or run; may be repeated.",
)
@click.option("--batch", "batches", type=click.IntRange(1, 4096), multiple=True, default=(1, 8, 32), show_default=True)
@click.option("--threads", type=click.IntRange(1, 256), multiple=True, default=(1,), show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=200, show_default=True, help="Timed calls of each row.")
@click.option("--warm-up", type=click.IntRange(0), default=20, show_default=True, help="Calls before them.")
@result_options
def command(
    models: tuple[str, ...],
    batches: tuple[int, ...],
    threads: tuple[int, ...],
    repeats: int,
    warm_up: int,
    out: Path | None,
    against: Path | None,
) -> None:
    """Milliseconds for batches of face crops; random crops cost what real ones do."""
    from mien.infer.classify import load_classifier

    stored = read_stored(against, "classify", _FIGURE)
    rows: list[dict[str, Any]] = []
    for model in models:
        for count in threads:
            classifier = load_classifier(model, count)
            label = Path(model).name or model
            rows += [
                _row(f"{label}, {batch}, {count}", classifier, batch, count, repeats, warm_up) for batch in batches
            ]
    settings = {"repeats": repeats, "warm_up": warm_up}
    tell(Result("classify", _FIGURE, settings, rows), "Classifying face crops", _COLUMNS, out, stored)


def _row(name: str, classifier: OnnxClassifier, batch: int, threads: int, repeats: int, warm_up: int) -> dict[str, Any]:
    import numpy as np

    from mien.app.bench.timing import measure

    spec = classifier.crop
    shape = (batch, spec.size, spec.size) if spec.color == "gray" else (batch, spec.size, spec.size, 3)
    crops = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    timing = measure(lambda: classifier.classify(crops), repeats, warm_up)
    return {
        "name": name,
        "model": classifier.info.name,
        "precision": classifier.info.precision,
        "file_bytes": classifier.bytes,
        "batch": batch,
        "threads": threads,
        **timing.to_dict(),
        "ms_per_face": timing.median_ms / batch,
    }
