"""A data set as the page of `mien serve` shows it: counts, sizes, mean faces, faults; pictures of it only when asked.

A mean face is made of many pictures, or it would show one person: classes with fewer have none.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.shown import DATA_FORMAT
from mien.data.audit import audit
from mien.data.manifest import Manifest
from mien.data.summary import MEAN_OF, SAMPLES, SIDE, class_counts, mean_face, rows_to_show
from mien.draw.palette import colours_of, hex_of

__all__ = ["LEAST_OF_MEAN", "samples", "shown"]

LEAST_OF_MEAN = 20
"""Pictures that a mean face is made of at least."""

_ENDS = (0.5, 99.5)  # percentiles that are black and white in the mean faces
_EDGES = (0, 32, 48, 64, 96, 128, 256, 512, 1024)  # of the longer side, in pixels

Advance = Callable[[int], None]


def shown(manifest: Manifest, advance: Advance = lambda _classes: None) -> dict[str, Any]:
    """What the Data tab shows, as JSON: no picture, no file name, no path.

    Args:
        manifest: as `mien.data.read` gives it.
        advance: called with the number of classes that are done since the last call.

    Raises:
        DataError: a picture cannot be read.

    """
    names = list(manifest.labels.names)
    colours = colours_of(names)
    splits = [
        {"name": name, "pictures": count, "counts": class_counts(manifest, name)}
        for name, count in manifest.split_counts().items()
    ]
    means: dict[str, tuple[int, NDArray[np.float32]]] = {}
    for number, name in enumerate(names):
        rows = rows_to_show(manifest, number)
        if len(rows) >= LEAST_OF_MEAN:
            rows = np.random.default_rng(0).permutation(rows)[:MEAN_OF]
            means[name] = len(rows), mean_face(manifest, rows)
        advance(1)
    return {
        "format": DATA_FORMAT,
        "name": Path(manifest.source).name,
        "pictures": len(manifest),
        "sha256": manifest.digest,
        "labels": names,
        "colours": {name: hex_of(colours[name]) for name in names},
        "splits": splits,
        "unlabelled": int((manifest.label < 0).sum()),
        "unreadable": len(manifest.unreadable),
        **_sizes(manifest),
        "means": _pictures(means),
        "faults": _faults(manifest),
    }


def samples(manifest: Manifest, label: str, rng: np.random.Generator) -> list[str]:
    """Up to `SAMPLES` pictures of a class, chosen at random, from training where there is some: data URLs of PNGs.

    Raises:
        DataError: no such class, or a picture cannot be read.

    """
    rows = rows_to_show(manifest, manifest.labels.index(label))
    chosen = rng.permutation(rows)[:SAMPLES]
    return [_png(picture[..., ::-1]) for picture in manifest.crops(chosen, SIDE, "rgb")]


def _pictures(means: Mapping[str, tuple[int, NDArray[np.float32]]]) -> list[dict[str, Any]]:
    """Mean faces as pictures; one scale from black to white for all of them, so that they can be compared."""
    if not means:
        return []
    low, high = np.percentile(np.stack([mean for _, mean in means.values()]), _ENDS)
    scaled = {name: (mean - low) / max(float(high - low), 1e-6) * 255 for name, (_, mean) in means.items()}
    return [
        {"label": name, "of": of, "png": _png(np.clip(scaled[name], 0, 255).astype(np.uint8))}
        for name, (of, _) in means.items()
    ]


def _png(picture: NDArray[np.uint8]) -> str:
    """A picture (H, W) or (H, W, 3) BGR as a data URL."""
    done, data = cv2.imencode(".png", np.ascontiguousarray(picture))
    assert done  # a picture of such a shape can always be written
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _sizes(manifest: Manifest) -> dict[str, Any]:
    """Least, middle and largest width and height, the pictures by their longer side, and the share of grey ones."""
    shapes = manifest.stats.shapes
    if not len(shapes):
        return {"sizes": None, "grey": 0.0}
    wide, high = shapes[:, 1], shapes[:, 0]
    ends = [[int(f(wide)), int(f(high))] for f in (np.min, np.median, np.max)]
    counts, _ = np.histogram(np.maximum(wide, high), bins=[*(edge + 1 for edge in _EDGES), np.inf])
    bars = [
        {"from": low + 1, "to": high, "pictures": int(count)}
        for low, high, count in zip(_EDGES, (*_EDGES[1:], None), counts, strict=True)
    ]
    filled = [at for at, bar in enumerate(bars) if bar["pictures"]]
    sizes = {"least": ends[0], "middle": ends[1], "largest": ends[2], "bars": bars[filled[0] : filled[-1] + 1]}
    return {"sizes": sizes, "grey": float((shapes[:, 2] == 1).mean())}


def _faults(manifest: Manifest) -> dict[str, int]:
    """Pictures with something wrong, as `mien data audit` counts them, near copies left out."""
    found = audit(manifest)
    return {
        "copies": sum(found.surplus.values()),
        "leaks": sum(len(rows) for rows in found.leaks.rows.values()),
        "conflicts": sum(len(group) for group in found.conflicts),
        "blank": len(found.blank),
    }
