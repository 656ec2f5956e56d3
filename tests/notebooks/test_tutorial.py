"""The tutorial notebook runs from its first to its last cell, and is stored without outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "tutorial.ipynb"


def read() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_is_stripped():
    """The file in the repository holds no outputs, no counts and nothing of the machine that it was written on."""
    notebook = read()
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def text_of(notebook: Any) -> str:
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "".join(output.text for output in outputs if output.output_type == "stream")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning")
def test_runs(tmp_path: Path):
    """Every cell runs; the audit finds what was planted, the model learns, and the pictures are shown."""
    nbclient = pytest.importorskip("nbclient")
    for package in ("ipykernel", "torch", "lightning", "matplotlib"):
        pytest.importorskip(package)
    notebook = read()
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    text = text_of(notebook)
    assert "'test in train': 1" in text
    assert "empty: ['train/neutral/empty.png']" in text
    assert "'model.onnx'" in text
    accuracy = float(text.split("\naccuracy ")[1].split(" %")[0])
    assert accuracy > 75
    shown = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs if "image/png" in o.get("data", {})]
    assert len(shown) == 5
    assert not any(tmp_path.iterdir())
