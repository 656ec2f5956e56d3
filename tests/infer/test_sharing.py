"""One analyzer in many threads and processes: shared, pickled, copied, forked, and from asyncio."""

import asyncio
import copy
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import mien
from mien.core.errors import ModelError
from mien.infer.detectors.table import DETECTORS
from mien.infer.session import open_onnx

THREADS = 16


@pytest.fixture(scope="module")
def pictures(astronaut, hopper) -> list[np.ndarray]:
    """Pictures of several sizes, with faces and without."""
    return [astronaut, hopper, hopper[:400], astronaut[20:300, 60:400], np.zeros((90, 120, 3), np.uint8)]


def _values(readings):
    return [(face.box, face.landmarks, face.values) for face in readings]


@pytest.mark.parametrize("name", DETECTORS)
def test_sixteen_threads(name, pictures, request, store_folder):
    """Threads that share an analyzer, with each detector of the table, read exactly what one thread reads."""
    known = DETECTORS[name].file
    detector = request.getfixturevalue("yunet_file") if known is not None and known.url else name
    analyzer = mien.Analyzer(detector=detector)
    wanted = [_values(analyzer.analyze(picture)) for picture in pictures]
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(analyzer.analyze, pictures * 6))

    assert [_values(readings) for readings in found] == wanted * 6


def test_from_asyncio(pictures):
    """`asyncio.to_thread` runs several calls at once."""
    analyzer = mien.Analyzer()

    async def run():
        return await asyncio.gather(*(asyncio.to_thread(analyzer.analyze, picture) for picture in pictures))

    with ThreadPoolExecutor(1) as alone:  # a loop of its own, whatever else runs in this thread
        found = alone.submit(asyncio.run, run()).result()
    assert [_values(r) for r in found] == [_values(analyzer.analyze(picture)) for picture in pictures]


def test_pickled_and_copied(pictures, tiny_model, bright_detector):
    """A copy opens the same models again and has the same options."""
    analyzer = mien.Analyzer(tiny_model, bright_detector, min_confidence=0.9, max_faces=2)
    for again in (pickle.loads(pickle.dumps(analyzer)), copy.copy(analyzer), copy.deepcopy(analyzer)):
        assert again.options == analyzer.options
        assert _values(again.analyze(pictures[0])) == _values(analyzer.analyze(pictures[0]))
        assert again.uncertain_below == 0.9


def test_parts_can_be_pickled_too(tiny_model, bright_detector, yunet_file, pictures):
    """A detector or classifier that was opened travels as well; one whose file has changed says so."""
    from mien.infer.classify import load_classifier
    from mien.infer.detect import open_detector

    for detector in (open_detector("mien"), open_detector(yunet_file)):
        again = pickle.loads(pickle.dumps(detector))
        assert again.detect(pictures[0]) == detector.detect(pictures[0])
    classifier = load_classifier(tiny_model)
    again = pickle.loads(pickle.dumps(classifier))
    assert again.labels == classifier.labels


def test_a_file_that_changed_on_the_way(tmp_path, tiny_model, bright_detector):
    """Where another file lies under the name, nothing is opened in its place."""
    path = tmp_path / "m.onnx"
    path.write_bytes(tiny_model.read_bytes())
    packed = pickle.dumps(open_onnx(path))
    path.write_bytes(bright_detector.read_bytes())

    with pytest.raises(ModelError, match="has changed since it was opened"):
        pickle.loads(packed)


def test_spawned_processes(tiny_model, pictures):
    """An analyzer goes into a pool of fresh processes as an argument."""
    analyzer = mien.Analyzer(tiny_model, "none")
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(analyzer.analyze, pictures[:2]))

    assert [_values(r) for r in found] == [_values(analyzer.analyze(picture)) for picture in pictures[:2]]


FORKED = """
import multiprocessing, sys
import numpy as np
import mien

analyzer = mien.Analyzer(threads=2)
picture = np.load(sys.argv[1])
before = [(f.box, f.values) for f in analyzer.analyze(picture)]

def read(_):
    return [(f.box, f.values) for f in analyzer.analyze(picture)]

with multiprocessing.get_context("fork").Pool(2) as pool:
    found = pool.map_async(read, range(4)).get(timeout=120)
assert before and found == [before] * 4, (before, found)
print("same")
"""


KEPT = """
import os, sys
from pathlib import Path
from mien.infer.session import open_onnx

file = open_onnx(Path(sys.argv[1]), threads=2)
before = sys.getrefcount(file._session)
child = os.fork()
if child == 0:
    os._exit(sys.getrefcount(file._session) - before)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), sys.getrefcount(file._session) - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_child_never_ends_its_parents_sessions(tiny_model):
    """Their threads are not in the child, so that ending one would wait for ever, at times."""
    ended = subprocess.run(
        [sys.executable, "-c", KEPT, str(tiny_model)], capture_output=True, text=True, timeout=120, check=True
    )

    assert ended.stdout.split() == ["1", "0"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_forked_processes(tmp_path, astronaut):
    """An analyzer that has worked goes on in forked children, also where its runtime had several threads."""
    np.save(tmp_path / "a.npy", np.tile(astronaut, (2, 2, 1)))
    ended = subprocess.run(
        [sys.executable, "-c", FORKED, str(tmp_path / "a.npy")], capture_output=True, text=True, timeout=180
    )

    assert ended.stdout.strip() == "same", ended.stderr
