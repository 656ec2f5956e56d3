"""What `mien batch` costs beyond the work itself: one process against a plain loop of OpenCV and ONNX Runtime.

    python benchmarks/batch_overhead.py [--pictures 4000] [--rounds 3]

Both read the same folder of FER-2013 validation crops as PNG files (48x48, taken whole), decode, make them grey and
classify with the packaged model on one thread, 64 at a time; the loop keeps its answers, the job writes its tables.
Processor time of the whole processes, in turn, the least of the rounds each, since other work may run beside. Prints a
table and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fer2013" / "validation.parquet"

_LOOP = """
import sys
from pathlib import Path
import cv2, numpy as np, onnxruntime as ort
cv2.setNumThreads(1)
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = ort.InferenceSession(sys.argv[2], options, providers=["CPUExecutionProvider"])
name, answers = session.get_inputs()[0].name, []
crops = []
for path in sorted(Path(sys.argv[1]).iterdir()):
    crops.append(cv2.resize(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2GRAY), (48, 48)))
    if len(crops) == 64:
        answers.append(session.run(None, {name: np.stack(crops)})[0])
        crops = []
if crops:
    answers.append(session.run(None, {name: np.stack(crops)})[0])
print(len(np.concatenate(answers)))
"""


def _pictures(folder: Path, count: int) -> None:
    import cv2
    import numpy as np
    import pyarrow.parquet as pq

    cells = pq.read_table(_DATA, columns=["image"]).column("image").to_pylist()
    for i in range(count):
        data = np.frombuffer(cells[i % len(cells)]["bytes"], np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        if image is not None:
            cv2.imwrite(str(folder / f"{i:05d}.png"), image)


def _cpu_s(command: list[str]) -> float:
    """Processor time of a process, user and system."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Measure both in turn and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    from mien.infer.store import find

    model = "fer2013"
    times: dict[str, list[float]] = {"loop": [], "mien batch": []}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pictures"
        folder.mkdir()
        _pictures(folder, asked.pictures)
        job = [sys.executable, "-c", "import sys; from mien.batch import Settings, run_batch; run_batch(sys.argv[1], "
               f"sys.argv[2], Settings(model={model!r}, detector='none'), workers=0)"]  # fmt: skip
        for i in range(asked.rounds):
            times["loop"].append(_cpu_s([sys.executable, "-c", _LOOP, str(folder), str(find(model))]))
            times["mien batch"].append(_cpu_s([*job, str(folder), f"{place}/out-{i}"]))
    best = {name: min(values) for name, values in times.items()}
    ratio = best["mien batch"] / best["loop"]
    print(f"{'':12} {'CPU seconds':>11}")
    for name, value in best.items():
        print(f"{name:12} {value:11.2f}")
    print(f"ratio {ratio:.2f}")
    result: dict[str, Any] = {"pictures": asked.pictures, "cpu_s": times, "ratio": ratio}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
