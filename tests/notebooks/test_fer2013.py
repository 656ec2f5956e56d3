"""The notebook for Kaggle and Colab runs on a small sample of either layout, and is stored without outputs."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

nbformat = pytest.importorskip("nbformat")

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "fer2013.ipynb"
LABELS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
CSV_ORDER = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # of fer2013.csv

# What a test puts in the place of the cell of parameters.
SHORT = """
PLACES = [{place!r}]
DATASET = "ann/fer2013"
INSTALL = "nothing is installed here"
quick = {{"size": 32, "epochs": 2, "warmup": 0.5, "batch_size": 32, "device": "cpu"}}
RUNS = {{"small": {{"model": "mien-xs", **quick}}, "other": {{"model": "mien-xs", "seed": 2, **quick}}}}
"""


def read() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def pictures(count: int, seed: int) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """Noisy stripes of 48 px, whose width is their class."""
    rng = np.random.default_rng(seed)
    found = []
    for i, label in enumerate(LABELS):
        for _ in range(count):
            stripes = 128 + 80 * np.sin(np.arange(48) * 2 * np.pi * (i + 1) / 48 + rng.uniform(0, 6))
            noisy = np.clip(stripes[:, None] + rng.normal(0, 12, (48, 48)), 0, 255).astype(np.uint8)
            found.append((label, noisy))
    return found


def as_folders(root: Path) -> Path:
    """`train/` and `test/`, as msambare/fer2013 has them."""
    from PIL import Image

    for split, count in (("train", 20), ("test", 6)):
        for number, (label, picture) in enumerate(pictures(count, len(split))):
            folder = root / "versions" / "1" / split / label
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(folder / f"{number}.png")
    return root


def as_table(root: Path) -> Path:
    """`fer2013.csv` with its column `Usage`."""
    root.mkdir()
    with (root / "fer2013.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("emotion", "pixels", "Usage"))
        for usage, count in (("Training", 20), ("PublicTest", 6), ("PrivateTest", 6)):
            for label, picture in pictures(count, len(usage)):
                writer.writerow((CSV_ORDER.index(label), " ".join(map(str, picture.ravel())), usage))
    return root


def test_is_stripped_and_has_badges():
    """No outputs, nothing of a machine; both badges; one cell of parameters, which names where Kaggle mounts data."""
    notebook = read()
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert "open-in-kaggle.svg" in notebook.cells[0].source
    assert "colab-badge.svg" in notebook.cells[0].source
    (parameters,) = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
    assert "/kaggle/input" in parameters.source


def executed(tmp_path: Path, place: Path) -> tuple[str, int]:
    """Text and number of pictures of the whole notebook."""
    nbclient = pytest.importorskip("nbclient")
    for package in ("ipykernel", "torch", "lightning", "matplotlib", "sklearn"):
        pytest.importorskip(package)
    notebook = read()
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = SHORT.format(place=str(place))
    work = tmp_path / "work"
    work.mkdir()
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(work)}}
    ).execute()
    assert (work / "runs" / "small" / "model.onnx").is_file()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    text = "".join(output.text for output in outputs if output.output_type == "stream")
    return text, sum("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning")
def test_runs_on_the_table(tmp_path):
    """`fer2013.csv` is found where it is mounted; its own validation split is taken."""
    text, shown = executed(tmp_path, as_table(tmp_path / "input"))

    assert "fer2013.csv {'train': 140, 'validation': 42, 'test': 42}" in text
    assert "accuracy" in text
    assert shown >= 8


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning")
def test_runs_on_the_folders(tmp_path, monkeypatch):
    """Where no place has the data kagglehub is asked; a validation split is carved out of training alone."""
    root = as_folders(tmp_path / "fetched")
    module = tmp_path / "modules" / "kagglehub.py"
    module.parent.mkdir()
    module.write_text(f"def dataset_download(name):\n    return {{'ann/fer2013': {str(root)!r}}}[name]\n", "utf-8")
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{module.parent}{os.pathsep}{before}")
    empty = tmp_path / "empty"
    empty.mkdir()

    text, _ = executed(tmp_path, empty)

    assert "1 {'train': 140, 'test': 42}" in text
    assert "of the 140 training pictures are taken out for validation" in text
