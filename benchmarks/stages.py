"""Where the time of a photograph goes, how far from the machine's floor that is, and what more of everything costs.

    python benchmarks/stages.py [--repeats 60]

Writes docs/performance.json and the tables in docs/performance.md. One thread throughout, synthetic photographs,
packaged models; takes a few minutes, and wants an idle machine. Needs the extra `test`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper
from pages import busy, replace_part, table

from mien.app.bench.machine import machine_facts
from mien.app.bench.pictures import crowd, heads, jpeg
from mien.app.bench.stages import STAGES, time_stages
from mien.app.bench.timing import measure
from mien.core.errors import StoreError
from mien.infer.analyzer import Analyzer
from mien.infer.registry import ENTRIES
from mien.infer.session import OnnxFile
from mien.infer.store import find
from mien.pictures.decode import load_image

DOCS = Path(__file__).resolve().parents[1] / "docs"
SIDE = 640
SIZES = {"320x240": (320, 240), "640x480": (640, 480), "1280x720": (1280, 720), "1920x1080": (1920, 1080),
         "3840x2160 (4K)": (3840, 2160)}  # fmt: skip
FACES = (0, 1, 2, 5, 10, 20, 50, 100)
CROWD = (1920, 1080)
IMAGES = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
_FILES = 200  # pictures over which the rate is measured
# Small enough to be done within one slice of time of a busy machine.
_SHAPES = {"a square product": (256, 256, 256), "the detector's widest layer": (4800, 432, 48)}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=60, help="Timed calls of each row.")
    repeats = parser.parse_args().repeats
    cv2.setNumThreads(1)
    whole, analyzer = Analyzer("wild", "mien"), Analyzer()  # float32, and the default in 8 bits
    people = heads(analyzer.detector)
    portrait = jpeg(crowd(people, (640, 480), 1))
    rates = machine_rates(portrait)
    result = {
        "date": date.today().isoformat(),
        "machine": machine_facts(),
        "rates": rates,
        "portrait": portrait_rows(whole, analyzer, portrait, rates, repeats),
        "by_detector": {
            name: stages_of(Analyzer(detector=detector), portrait, repeats) for name, detector in detectors().items()
        },
        "by_size": {name: stages_of(analyzer, jpeg(crowd(people, size, 1)), repeats) for name, size in SIZES.items()},
        "by_faces": {str(n): stages_of(analyzer, jpeg(crowd(people, CROWD, n)), repeats // 2) for n in FACES},
        "by_images": by_images(analyzer, people),
    }
    (DOCS / "performance.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    for name, text in parts(result).items():
        replace_part(DOCS / "performance.md", name, text)
    print(json.dumps(result))


def stages_of(analyzer: Analyzer, data: bytes, repeats: int) -> dict[str, Any]:
    """Times of one picture file."""
    return {**time_stages(analyzer, data, SIDE, repeats).to_dict(), "file_bytes": len(data)}


def detectors() -> dict[str, str]:
    """Detectors by name, with what opens each; YuNet only where its file is at hand."""
    known = {"mien": "mien", "mien-int8": "mien-int8"}
    shared = DOCS.parents[1] / "shared" / "models" / ENTRIES["yunet"].filename
    try:
        known["yunet"] = str(find("yunet"))
    except StoreError:
        known |= {"yunet": str(shared)} if shared.is_file() else {}
    return known


def machine_rates(portrait: bytes) -> dict[str, float]:
    """What one core does at best: multiply-adds per second in float32 and int8, and pixels of JPEG."""
    sizes = {name: float(np.prod(shape)) for name, shape in _SHAPES.items()}
    rates: dict[str, float] = {}
    for name, (rows, inner, columns) in _SHAPES.items():
        a, b = np.random.default_rng(0).random((2, max(rows, inner), max(inner, columns)), np.float32)
        left, right = a[:rows, :inner].copy(), b[:inner, :columns].copy()
        rates[f"float32, {name}"] = sizes[name] / _product_ms(left, right) * 1e3
        bytes_left, bytes_right = (left * 255).astype(np.uint8), (right * 254 - 127).astype(np.int8)
        rates[f"int8, {name}"] = sizes[name] / _product_ms(bytes_left, bytes_right) * 1e3
    height, width = load_image(portrait).shape[:2]
    flags = cv2.IMREAD_COLOR
    packed = np.frombuffer(portrait, np.uint8)
    rates["JPEG pixels, OpenCV"] = height * width / measure(lambda: cv2.imdecode(packed, flags), 60).best_ms * 1e3
    return rates


def _product_ms(left: np.ndarray, right: np.ndarray) -> float:
    """Best milliseconds of a matrix product on the runtime that the models use, one thread."""
    integer = left.dtype == np.uint8
    kinds = (TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32) if integer else (TensorProto.FLOAT,) * 3
    node = helper.make_node("MatMulInteger" if integer else "MatMul", ["a", "b"], ["c"])
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("a", kinds[0], left.shape)],
        [helper.make_tensor_value_info("c", kinds[2], (left.shape[0], right.shape[1]))],
        [onnx.numpy_helper.from_array(right, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    file = OnnxFile(model.SerializeToString(), Path("product.onnx"))
    return measure(lambda: file.run({"a": left}), 200).best_ms


def multiply_adds(path: Path, shape: Sequence[int]) -> float:
    """Multiply-adds of a model's convolutions and dense layers for an input of a shape."""
    model = onnx.load(str(path))
    for dimension, value in zip(model.graph.input[0].type.tensor_type.shape.dim, shape, strict=True):
        dimension.dim_value = value
    model = onnx.shape_inference.infer_shapes(model)
    known = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.value_info}
    known |= {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.output}
    weights = {i.name: list(i.dims) for i in model.graph.initializer}
    stored = {"DequantizeLinear", "Cast"}  # weights of 8 bits, and those in half precision
    behind = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type in stored}
    total = 0.0
    for node in model.graph.node:
        if node.op_type in {"Conv", "Gemm", "MatMul"}:
            weight = weights.get(behind.get(node.input[1], node.input[1]))
            out = known.get(node.output[0])
            if weight and out:
                transposed = any(a.name == "transB" and a.i for a in node.attribute)
                inner = weight[1:] if node.op_type == "Conv" or transposed else weight[:1]
                total += float(np.prod([max(side, 1) for side in out])) * float(np.prod(inner))
    return total


def portrait_rows(
    whole: Analyzer, small: Analyzer, data: bytes, rates: Mapping[str, float], repeats: int
) -> dict[str, Any]:
    """Stages of a photograph of 640x480 with one face, and the floor of each."""
    detector = multiply_adds(find("mien"), (1, 480, 640, 3))
    crop = (1, whole.classifier.crop.size, whole.classifier.crop.size)
    classifier = multiply_adds(whole.classifier.path, crop)
    float_rate = max(rate for name, rate in rates.items() if name.startswith("float32"))
    int_rate = max(rate for name, rate in rates.items() if name.startswith("int8"))
    rows = {"fp32": stages_of(whole, data, repeats), "int8": stages_of(small, data, repeats)}
    floors = {
        "decode": 640 * 480 / rates["JPEG pixels, OpenCV"] * 1e3,
        "detect": detector / float_rate * 1e3,
        "classify": classifier / float_rate * 1e3,
    }
    return {
        "multiply_adds": {"detector": detector, "classifier": classifier},
        "floor_ms": floors,
        "floor_int8_ms": {
            "decode": 640 * 480 / rates["JPEG pixels, OpenCV"] * 1e3,
            "detect": detector / int_rate * 1e3,
            "classify": classifier / int_rate * 1e3,
        },
        **rows,
    }


def by_images(analyzer: Analyzer, people: Any) -> dict[str, Any]:
    """Pictures per second from files, and the seconds of a fresh process for its first picture."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i}.jpg" for i in range(_FILES)]
        for i, file in enumerate(files):
            file.write_bytes(jpeg(np.roll(crowd(people, (640, 480), 1), i, axis=1)))
        start, start_cpu = time.perf_counter(), time.process_time()
        read = sum(len(analysis.faces) for analysis in analyzer.reports(files))
        wall, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        command = [sys.executable, "-m", "mien", "analyze", str(files[0])]
        cold = _seconds(lambda: subprocess.run(command, check=True, capture_output=True))
    return {"per_s": _FILES / wall, "per_cpu_s": _FILES / cpu, "cold_s": cold, "pictures": _FILES, "faces": read}


def _seconds(call: Callable[[], object], runs: int = 3) -> float:
    return measure(call, runs, 1).median_ms / 1e3


def parts(result: Mapping[str, Any]) -> dict[str, str]:
    """The parts of the page."""
    machine = result["machine"]
    versions = machine["versions"]
    about = (
        f"Measured on {result['date']}: {machine['cpu']}, one thread, Python {machine['python']}, ONNX Runtime "
        f"{versions['onnxruntime']}, OpenCV {versions['opencv-python-headless']}. {busy(machine)}"
        "Times are medians of processor milliseconds."
    )
    portrait = result["portrait"]
    return {
        "machine": about,
        "rates": _rates(result["rates"]),
        "portrait": _portrait(portrait),
        "detectors": _stage_table("detector", result["by_detector"]),
        "sizes": _stage_table("picture", result["by_size"]),
        "faces": _stage_table("faces", result["by_faces"]),
        "images": _images(result["by_images"]),
    }


def _rates(rates: Mapping[str, float]) -> str:
    rows = [[name, f"{rate / 1e9:.0f} billion multiply-adds/s"] for name, rate in rates.items() if "JPEG" not in name]
    return table(("one core", "best"), [*rows, ["JPEG decoding", f"{rates['JPEG pixels, OpenCV'] / 1e6:.0f} MP/s"]])


def _portrait(portrait: Mapping[str, Any]) -> str:
    work = {"detect": portrait["multiply_adds"]["detector"], "classify": portrait["multiply_adds"]["classifier"]}
    rows = []
    for stage in (*STAGES, "whole"):
        cells = [stage, f"{work[stage] / 1e6:.0f} M" if stage in work else ""]
        for precision, floors in (("fp32", portrait["floor_ms"]), ("int8", portrait["floor_int8_ms"])):
            found = portrait[precision]
            ms = found["cpu_ms"] if stage == "whole" else found["stages_cpu_ms"][stage]
            floor = sum(floors.values()) if stage == "whole" else floors.get(stage)
            cells += [f"{ms:.2f}", *(["", ""] if floor is None else [f"{floor:.2f}", f"{ms / floor:.1f}"])]
        rows.append(cells)
    header = ["stage", "multiply-adds", "float32, ms", "floor, ms", "times", "int8, ms", "floor, ms", "times"]
    return table(header, rows)


def _stage_table(first: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [
        [
            name,
            str(row["faces_found"]),
            *(f"{row['stages_cpu_ms'][stage]:.2f}" for stage in STAGES),
            f"**{row['cpu_ms']:.1f}**",
            f"{row['p95_ms']:.1f}",
        ]
        for name, row in rows.items()
    ]
    return table((first, "found", *STAGES, "whole", "clock, 95 %"), lines)


def _images(found: Mapping[str, Any]) -> str:
    rows = []
    for count in IMAGES:
        seconds = found["cold_s"] + (count - 1) / found["per_cpu_s"]
        rows.append([f"{count:,}", _duration(seconds)])
    lead = (
        f"{found['per_cpu_s']:.0f} pictures per processor second over {found['pictures']} files, "
        f"{found['cold_s']:.2f} s for a fresh process and its first picture:"
    )
    return f"{lead}\n\n{table(('pictures', 'one process'), rows)}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


if __name__ == "__main__":
    main()
