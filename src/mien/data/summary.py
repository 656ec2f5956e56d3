"""What a person wants to see of a data set before training: pictures as PNG files, and one page with all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.contract import CropSpec
from mien.core.files import atomic_write, make_folder
from mien.core.labels import concept
from mien.data import plots
from mien.data.audit import Audit, audit
from mien.data.manifest import Manifest
from mien.draw import page
from mien.infer.crop import fit_crops

__all__ = ["MEAN_OF", "SAMPLES", "SIDE", "class_counts", "mean_face", "rows_to_show", "summarize"]

SAMPLES = 12
"""Pictures of a class that are shown at once."""
SIDE = 96
"""Of a sample, in pixels."""
_MEAN_SIDE = 48
MEAN_OF = 2_000
"""Pictures of a class that its mean face is made of, at most."""

Advance = Callable[[int], None]


def summarize(manifest: Manifest, folder: Path, *, seed: int = 0, advance: Advance | None = None) -> list[Path]:
    """Write the pictures and `summary.html`; gives their paths.

    Args:
        manifest: as `mien.data.read` gives it.
        folder: where to write; it is created, files of the same names are replaced.
        seed: of the choice of samples.
        advance: called with the number of classes that are done since the last call.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the folder cannot be written.
        DataError: a picture cannot be read.

    """
    drawn = _draw(manifest, np.random.default_rng(seed), advance or (lambda _: None))
    make_folder(folder)
    paths = []
    for name, data in drawn.items():
        paths.append(folder / f"{name}.png")
        with atomic_write(paths[-1]) as file:
            file.write(data)
    paths.append(folder / "summary.html")
    page.write_page(paths[-1], _page(manifest, audit(manifest), drawn))
    return paths


def _draw(manifest: Manifest, rng: np.random.Generator, advance: Advance) -> dict[str, bytes]:
    names = list(manifest.labels.names)
    splits = list(manifest.split_counts())
    drawn = {"counts": plots.counts({s: class_counts(manifest, s) for s in splits}, names)}
    samples: dict[str, NDArray[np.uint8]] = {}
    means: dict[str, NDArray[np.float32]] = {}
    for number, name in enumerate(names):
        rows = rows_to_show(manifest, number)
        if len(rows):
            chosen = rng.permutation(rows)
            samples[name] = manifest.crops(np.sort(chosen[:SAMPLES]), SIDE, "rgb")
            means[name] = mean_face(manifest, chosen[:MEAN_OF])
        advance(1)
    if samples:
        drawn["samples"] = plots.grid({name: list(pictures) for name, pictures in samples.items()}, SIDE)
        overall = np.mean(list(means.values()), axis=0).astype(np.float32)
        drawn["means"] = plots.faces(means, overall)
    stats, of = manifest.stats, {split: manifest.split == split for split in splits}
    drawn["brightness"] = plots.brightness(
        {split: stats.mean[rows] for split, rows in of.items()},
        {split: stats.spread[rows] for split, rows in of.items()},
    )
    if len(np.unique(stats.shapes[:, :2], axis=0)) > 1:
        drawn["sizes"] = plots.sizes(stats.shapes[:, 0], stats.shapes[:, 1])
    if manifest.votes is not None:
        drawn["agreement"] = plots.agreement(_vote_table(manifest), names, manifest.vote_labels)
    return drawn


def class_counts(manifest: Manifest, split: str) -> list[int]:
    """Pictures of every class in a split, in the order of the labels."""
    label = manifest.label[manifest.split == split]
    return [int(n) for n in np.bincount(label[label >= 0], minlength=len(manifest.labels))]


def rows_to_show(manifest: Manifest, label: int) -> NDArray[np.int64]:
    """Rows of a class, of the training split where it has some."""
    rows = np.flatnonzero(manifest.label == label)
    train = rows[manifest.split[rows] == "train"]
    return train if len(train) else rows


def mean_face(manifest: Manifest, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean grey picture (48, 48); each picture is first brought to the same brightness and contrast."""
    total = np.zeros((_MEAN_SIDE, _MEAN_SIDE), np.float64)
    spec = CropSpec(_MEAN_SIDE)
    for row in rows:
        grey = fit_crops([manifest.load(int(row))], spec)[0].astype(np.float64)
        total += (grey - grey.mean()) / max(float(grey.std()), 1.0)
    mean: NDArray[np.float32] = (total / len(rows)).astype(np.float32)
    return mean


def _vote_table(manifest: Manifest) -> NDArray[np.int64]:
    """Pictures (K, V) by label and by what most people voted for; a tie counts for the first."""
    assert manifest.votes is not None
    known = (manifest.label >= 0) & (manifest.votes.sum(axis=1) > 0)
    table = np.zeros((len(manifest.labels), len(manifest.vote_labels)), np.int64)
    np.add.at(table, (manifest.label[known], manifest.votes[known].argmax(axis=1)), 1)
    return table


def _agreeing(manifest: Manifest) -> float:
    """Part of the pictures whose label most people voted for, in 0..1."""
    table = _vote_table(manifest)
    same = [[concept(name) == concept(vote) for vote in manifest.vote_labels] for name in manifest.labels]
    return float(table[np.array(same)].sum() / max(table.sum(), 1))


def _page(manifest: Manifest, found: Audit, drawn: dict[str, bytes]) -> str:
    problems = page.table(("", *_split_names(manifest)), _problems(found))
    parts = [
        page.tiles(_tiles(manifest)),
        page.section("Classes", _figure(drawn, "counts", "Number of pictures of every class in every split")),
        page.section("What an audit found", problems, _advice(found)),
    ]
    captions = _captions(manifest)
    for name, (heading, alt, caption) in captions.items():
        if name in drawn:
            parts.append(page.section(heading, _figure(drawn, name, alt, caption)))
    digest = manifest.digest[:12]
    lead = f"{len(manifest):,} pictures, {len(manifest.labels)} classes. SHA-256 of the contents: {digest}…"
    return page.page(f"Data set: {Path(manifest.source).name}", lead, "".join(parts))


def _figure(drawn: dict[str, bytes], name: str, alt: str, caption: str = "") -> str:
    pixels = int.from_bytes(drawn[name][16:20], "big")  # the width, in the header of a PNG file
    return page.figure_png(drawn[name], alt, caption, width=round(pixels * plots.CSS_SCALE))


def _captions(manifest: Manifest) -> dict[str, tuple[str, str, str]]:
    """Heading, alternative text and caption of every picture below the counts."""
    where = " from training" if "train" in manifest.split_counts() else ""
    agreeing = "" if manifest.votes is None else f"{_agreeing(manifest):.1%}"
    return {
        "samples": (
            "Samples",
            "Sample pictures of every class",
            f"Up to {SAMPLES} pictures of every class, chosen at random{where}.",
        ),
        "means": (
            "Mean faces",
            "Mean face of every class",
            f"Mean of up to {MEAN_OF:,} pictures of a class, each brought to the same brightness and contrast; below, "
            "how it differs from the mean of the classes, in standard deviations.",
        ),
        "brightness": ("Brightness and contrast", "Histograms of grey levels", ""),
        "sizes": ("Sizes", "Histograms of sizes", ""),
        "agreement": (
            "Agreement",
            "Labels against votes",
            f"Most people voted for the label of {agreeing} of the pictures. Where the two disagree often, no model "
            "can be right about both.",
        ),
    }


def _tiles(manifest: Manifest) -> list[tuple[str, str]]:
    shapes = manifest.stats.shapes
    size = f"{shapes[0, 1]}×{shapes[0, 0]}" if len(np.unique(shapes[:, :2], axis=0)) == 1 else "various"
    colour = np.unique(shapes[:, 2])
    tiles = [(plots.split_name(split), f"{n:,}") for split, n in manifest.split_counts().items()]
    tiles.append(("pixels", size))
    tiles.append(("colour", "mixed" if len(colour) > 1 else "grey" if colour[0] == 1 else "colour"))
    if manifest.votes is not None:
        tiles.append(("agree with the votes", f"{_agreeing(manifest):.1%}"))
    if manifest.unreadable:
        tiles.append(("cannot be read", f"{len(manifest.unreadable):,}"))
    if manifest.passed:
        tiles.append(("files passed over", f"{manifest.passed.total():,}"))
    return tiles


def _split_names(manifest: Manifest) -> list[str]:
    return [plots.split_name(split) for split in manifest.split_counts()]


def _problems(found: Audit) -> list[list[str]]:
    """One row per kind of problem, one column per split."""
    splits = list(found.manifest.split_counts())
    leaked = {split: len(rows) for split, rows in found.leaks.rows.items()}
    conflicting = found.by_split(row for group in found.conflicts for row in group)
    rows = [("copies within the split", found.surplus)]
    rows += [("also occur in training", leaked)] if found.leaks.totals else []
    rows += [("copies with different labels", conflicting), ("blank", found.by_split(found.blank))]
    if found.no_face is not None:
        rows.append(("no face, by most votes", found.by_split(found.no_face)))
    return [[name, *(f"{counts[split]:,}" if split in counts else "–" for split in splits)] for name, counts in rows]


def _advice(found: Audit) -> str:
    if not (found.exact or len(found.blank)):
        return ""
    return page.note(
        "mien data audit names these pictures and finds near duplicates too; with --fix it writes a table without them."
    )
