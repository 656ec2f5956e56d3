"""mien beside a library that people use, on the same crops and photographs, in one go.

    python benchmarks/peers.py --scratch FOLDER                  # on FER-2013's validation split
    python benchmarks/peers.py --scratch FOLDER --split test     # once per release

Makes an environment of its own for each library in FOLDER (about 8 GB, most of it torch and TensorFlow for fer; a
second run uses them again), answers the crops, reads three photographs of 640x480, all on one thread, and writes
docs/benchmarks.json, the tables in docs/benchmarks.md and docs/pictures/benchmarks.png. On the test split the accuracy
of mien is taken from the evaluation that lies beside the model, so that the split is not read anew. Needs the extra
`test`, and ../shared/data/fer2013 or --data.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pages import busy, replace_part, table
from peers_untrained import write_untrained

from mien.app.bench.machine import machine_facts
from mien.data.formats import read
from mien.draw.plotting import BLUE, FAINT, INK, SOFT, figure_of, png
from mien.evaluate.metrics import evaluate

ROOT = Path(__file__).resolve().parents[1]
WORKER = Path(__file__).with_name("peers_worker.py")
ASSETS = ROOT / "src" / "mien" / "assets" / "models"
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
}
_COLD_RUNS = 3
_TIMING_CROPS = 64
_UNKNOWN: dict[str, Any] = {"accuracy": None, "accuracy_interval": None, "macro_f1": None, "ece": None}


@dataclass(frozen=True)
class System:
    """What is measured: a row of the table."""

    title: str
    job: str
    """Name for the worker."""
    environment: str
    stored: str | None = None
    """Evaluation on the test split beside the packaged model."""
    untrained: bool = False
    """Its weights cannot be had offline: only times and sizes are measured, with a net of the same layers."""


REQUIREMENTS = {
    "mien": (str(ROOT),),
    # Newer setuptools lack pkg_resources, which fer imports; OpenCV 5 lacks the cascades that it needs.
    "fer": ("fer==25.10.3", "setuptools<81", "opencv-contrib-python<5"),
    # werkzeug is imported but not required by deepface; its detector's cascade is not in OpenCV 5's package.
    "deepface": ("deepface==0.0.103", "werkzeug", "opencv-contrib-python-headless<5"),
}
SYSTEMS = (
    System("mien (wild-int8)", "mien:wild-int8", "mien", "wild-int8.evaluation.json"),
    System("mien, fer2013", "mien:fer2013", "mien", "fer2013.evaluation.json"),
    System("fer 25.10.3", "fer", "fer"),
    System("deepface 0.0.103", "deepface", "deepface", untrained=True),
)
NOTED = (
    # Accuracy, macro-F1 and ECE on the test split; what else was measured; why it is not run here.
    ("Human (tfjs)", 66.62, 0.6619, 0.1022, "3.2 ms for one face in WebAssembly", "needs Node and its own harness"),
    ("face-api.js", 58.90, 0.5343, 0.3202, "5.0 ms for one face in WebAssembly", "needs Node and its own harness"),
    ("deepface 0.0.103", 57.4, None, None, "above", "no weights in its package"),
    ("HSEmotion 0.3.1", None, None, None, "6.1 ms for one face, 339 MB", "no weights in its package"),
    ("rmn 3.3.0", None, None, None, "333 to 352 ms per photograph, 5.5 GB", "no weights in its package"),
    ("py-feat 2.1.5", None, None, None, "10 to 12 s to import, 5.9 GB", "no weights in its package"),
)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, required=True, help="Folder for the environments.")
    parser.add_argument("--split", choices=["validation", "test"], default="validation")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "fer2013")
    given = parser.parse_args()
    scratch = given.scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    pythons = {name: environment(scratch / name, needs) for name, needs in REQUIREMENTS.items()}
    photos = write_photos(scratch)
    write_untrained(scratch / "home" / ".deepface" / "weights" / "facial_expression_model_weights.onnx")
    crops, labels = crops_of(given.data, given.split)
    timing_crops = crops if given.split == "validation" else crops_of(given.data, "validation")[0]
    rows = []
    for system in SYSTEMS:
        print(f"{system.title} ...", file=sys.stderr)
        stored = stored_figures(system) if given.split == "test" else None
        asked = timing_crops[:_TIMING_CROPS] if stored or system.untrained else crops
        answer = run_worker(pythons[system.environment], system, asked, photos, scratch)
        figures = _UNKNOWN if system.untrained else stored or judged(answer, labels)
        rows.append({"title": system.title, **figures, **speed(answer)})
        rows[-1] |= cold(pythons[system.environment], system, photos[0], scratch)
        rows[-1] |= install(pythons[system.environment])
    result = {"split": given.split, "date": date.today().isoformat(), "machine": machine_facts(), "rows": rows}
    write(result)
    print(json.dumps(result))


def environment(folder: Path, needs: Sequence[str]) -> Path:
    """Interpreter of an environment with the packages; one that was made for the same packages is used again."""
    python = folder / "bin" / "python"
    marker = folder / "installed.txt"
    wanted = "\n".join(needs)
    pip = [*_nice(), str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not marker.is_file() or marker.read_text("utf-8") != wanted:
        print(f"Installing {', '.join(Path(need).name for need in needs)} ...", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([*pip, *needs], check=True)
        marker.write_text(wanted, "utf-8")
    elif needs == (str(ROOT),):  # the code may have changed since
        subprocess.run([*pip, "--force-reinstall", "--no-deps", *needs], check=True)
    return python


def _nice() -> list[str]:
    return ["nice", "-n", "10"] if shutil.which("nice") else []


def write_photos(folder: Path) -> list[Path]:
    """Three photographs of 640x480 as JPEG: two people alone, and both."""
    import matplotlib
    from skimage import data

    astronaut = np.ascontiguousarray(data.astronaut()[..., ::-1])
    hopper = cv2.imread(str(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"))
    sheets = {"astronaut": (astronaut,), "hopper": (hopper,), "both": (astronaut, hopper)}
    paths = []
    for name, people in sheets.items():
        sheet = np.full((480, 640, 3), 110, np.uint8)
        room = 640 // len(people)
        for i, person in enumerate(people):
            scale = min(room / person.shape[1], 480 / person.shape[0])
            small = cv2.resize(person, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            left, top = i * room + (room - small.shape[1]) // 2, (480 - small.shape[0]) // 2
            sheet[top : top + small.shape[0], left : left + small.shape[1]] = small
        paths.append(folder / f"{name}.jpg")
        cv2.imwrite(str(paths[-1]), sheet, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return paths


def crops_of(data: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Crops (N, 48, 48) uint8 and labels (N,) in the order of `LABELS`."""
    part = read(data, check=False).of_split(split)
    order = np.array([LABELS.index(name) for name in part.labels.names])
    return part.crops(np.arange(len(part)), 48, "gray"), order[part.label]


def run_worker(python: Path, system: System, crops: np.ndarray, photos: Sequence[Path], scratch: Path) -> Any:
    """What the worker found."""
    job, out = scratch / "job.npz", scratch / "answer.npz"
    np.savez(job, crops=crops)
    command = [str(python), str(WORKER), system.job, str(job), str(out), *map(str, photos)]
    subprocess.run(command, check=True, env=_settings(scratch), stderr=subprocess.DEVNULL)
    with np.load(out) as answer:
        return {key: answer[key] for key in answer.files}


def _settings(scratch: Path) -> dict[str, str]:
    return os.environ | _ONE_THREAD | {"DEEPFACE_HOME": str(scratch / "home")}


def stored_figures(system: System) -> dict[str, Any] | None:
    """Figures of the packaged file on the test split, from its stored evaluation."""
    file = ASSETS / system.stored if system.stored else None
    if file is None or not file.is_file():
        return None
    body = json.loads(file.read_text("utf-8"))
    if body["data"]["split"] != "test" or body["data"]["protocol"] != "labels":
        return None
    figures = body["figures"]
    return {key: figures[key] for key in ("accuracy", "accuracy_interval", "macro_f1", "ece")}


def judged(answer: Mapping[str, np.ndarray], labels: np.ndarray) -> dict[str, Any]:
    """Figures of a worker's probabilities."""
    found = evaluate(_normal(answer["probabilities"]), labels, LABELS)
    row: dict[str, Any] = {
        "accuracy": found.accuracy,
        "accuracy_interval": list(found.accuracy_interval or ()),
        "macro_f1": found.macro_f1,
        "ece": found.ece,
    }
    if "api" in answer:
        row["api_accuracy"] = evaluate(_normal(answer["api"]), labels, LABELS, bootstrap=0).accuracy
    return row


def _normal(scores: np.ndarray) -> np.ndarray:
    values = np.asarray(scores, np.float64)
    normal: np.ndarray = values / values.sum(1, keepdims=True)
    return normal


def speed(answer: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Processor milliseconds from a worker's answer."""
    figures = json.loads(str(answer["figures"]))
    return {
        "one_ms": figures["one"]["cpu_ms"],
        "batch_ms": figures["batch_32"]["cpu_ms"] / 32,
        "photo_ms": [photo["cpu_ms"] for photo in figures["photos"]],
        "photo_wall_ms": [photo["wall_ms"] for photo in figures["photos"]],
        "photo_faces": [photo["faces"] for photo in figures["photos"]],
    }


def cold(python: Path, system: System, photo: Path, scratch: Path) -> dict[str, float]:
    """Medians of seconds in fresh processes: import, and import to the first photograph's readings."""
    command = [str(python), str(WORKER), system.job, str(photo)]
    runs = [
        json.loads(subprocess.run(command, check=True, env=_settings(scratch), capture_output=True).stdout)
        for _ in range(_COLD_RUNS)
    ]
    return {key: statistics.median(run[key] for run in runs) for key in ("import_s", "first_s")}


def install(python: Path) -> dict[str, int]:
    """Packages and bytes of an environment, without pip."""
    folder = next((python.parents[1] / "lib").glob("python3*")) / "site-packages"
    parts = [item for item in folder.iterdir() if item.name.partition("-")[0] != "pip"]
    files = [file for part in parts for file in ([part] if part.is_file() else part.rglob("*"))]
    size = sum(file.lstat().st_size for file in files if file.is_file() and not file.is_symlink())
    return {"packages": sum(part.name.endswith(".dist-info") for part in parts), "install_bytes": size}


def write(result: Mapping[str, Any]) -> None:
    """JSON, table and plot."""
    docs = ROOT / "docs"
    (docs / "benchmarks.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    replace_part(docs / "benchmarks.md", "peers", measured(result))
    replace_part(docs / "benchmarks.md", "noted", noted())
    (docs / "pictures" / "benchmarks.png").write_bytes(plot(result["rows"]))


def measured(result: Mapping[str, Any]) -> str:
    """The table of what was run, and what it was run on."""
    rows = [_cells(row) for row in result["rows"]]
    names = ("", *(row["title"] for row in result["rows"]))
    lines = table(names, [[name, *(cells[name] for cells in rows)] for name in rows[0]])
    machine, split = result["machine"], result["split"]
    kind = {"test": "PrivateTest", "validation": "PublicTest"}[split]
    api = [f"{row['api_accuracy']:.1%}" for row in result["rows"] if "api_accuracy" in row]
    border = (
        f"fer's own API adds a border of 10 px to the crop; asked in that way its accuracy is {api[0]}." if api else ""
    )
    return (
        f"{result['date']}, FER-2013 {split} split ({kind}, 3,589 crops), one thread of an {machine['cpu']}, Python "
        f"{machine['python']}. {busy(machine)}{border}\n\n{lines}"
    )


def _cells(row: Mapping[str, Any]) -> dict[str, str]:
    known = row["accuracy"] is not None
    low, high = row["accuracy_interval"] if known else (0, 0)
    said = "; ".join(", ".join(f"{label} {p:.2f}" for label, p in faces) or "none" for faces in row["photo_faces"])
    if not known:
        said = "untrained; faces: " + ", ".join(str(len(faces)) for faces in row["photo_faces"])
    times = ", ".join(f"{ms:.1f}" for ms in row["photo_ms"])
    return {
        "accuracy (95 % interval)": f"{row['accuracy']:.1%} ({low:.1%} to {high:.1%})" if known else "-",
        "macro-F1": f"{row['macro_f1']:.3f}" if known else "-",
        "ECE, 15 bins": f"{row['ece']:.3f}" if known else "-",
        "one face, ms": f"{row['one_ms']:.2f}",
        "per face in a batch of 32, ms": f"{row['batch_ms']:.2f}",
        "three photographs, file to readings, ms": times,
        "what it reads there": said,
        "import, s": f"{row['import_s']:.2f}",
        "import to first reading, s": f"{row['first_s']:.2f}",
        "installed packages": str(row["packages"]),
        "installed size": f"{row['install_bytes'] / 1e6:,.0f} MB",
    }


def noted() -> str:
    """The table of what was not run here."""
    rows = [
        [
            title,
            "-" if accuracy is None else f"{accuracy:.1f} %",
            "-" if f1 is None else f"{f1:.3f}",
            "-" if ece is None else f"{ece:.3f}",
            speed_text,
            why,
        ]
        for title, accuracy, f1, ece, speed_text, why in NOTED
    ]
    return table(("", "accuracy, test", "macro-F1", "ECE", "time and size", "not run here because"), rows)


_PANELS = (
    ("Accuracy, %: more is better", lambda row: None if row["accuracy"] is None else row["accuracy"] * 100, "{:.1f}"),
    ("Calibration error (ECE): less is better", lambda row: row["ece"], "{:.3f}"),
    ("Photograph, file to readings, ms", lambda row: statistics.mean(row["photo_ms"]), "{:.1f}"),
    ("Installed size, MB", lambda row: row["install_bytes"] / 1e6, "{:,.0f}"),
)


def plot(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Four panels of bars, one bar for each system; those of mien are blue. Whiskers are 95 % intervals."""
    places = np.arange(len(rows))[::-1]
    colours = [BLUE if row["title"].startswith("mien") else FAINT for row in rows]
    with figure_of(9.6, 1.5 + 0.75 * len(rows), nrows=2, ncols=2, sharey=True) as (figure, axes):
        for axis, (title, value, form) in zip(axes.flat, _PANELS, strict=True):
            known = [value(row) for row in rows]
            values = [number or 0 for number in known]
            axis.barh(places, values, height=0.62, color=colours)
            ends = values
            if axis is axes.flat[0]:
                spans = [[100 * end for end in row["accuracy_interval"] or (0, 0)] for row in rows]
                axis.hlines(places, [low for low, _ in spans], [high for _, high in spans], color=INK, linewidth=1.2)
                ends = [high for _, high in spans]
            axis.set_title(title)
            axis.set_yticks(places, [row["title"] for row in rows], color=INK)
            axis.set_xlim(0, max(values) * 1.2)
            axis.grid(visible=False)
            axis.spines["bottom"].set_visible(False)
            axis.set_xticks([])
            for place, number, end in zip(places, known, ends, strict=True):
                text = "no weights offline" if number is None else form.format(number)
                axis.text(end + max(values) * 0.015, place, text, va="center", color=SOFT)
        return png(figure)


if __name__ == "__main__":
    main()
