"""Full disks and closed folders: a command that cannot write says so, and leaves no half file under a final name."""

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from damage_writers import WRITERS, blocked, half_files, limited, make_inputs, sizes

from mien.media.video_writer import VIDEO_SUFFIXES, VideoSink
from mien.media.whole import is_whole

if sys.platform == "win32":
    pytest.skip("limits of files and users are those of Unix", allow_module_level=True)

QUICK = [name for name in WRITERS if not name.startswith(("data summary", "evaluate"))]  # the others draw for seconds


@pytest.fixture(scope="module")
def inputs():
    """Inputs that everybody may read, so that commands can run as nobody."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield make_inputs(folder / "in")
    shutil.rmtree(folder)


@pytest.fixture
def out(inputs, monkeypatch):
    """An empty folder for results beside the inputs; also the model store."""
    folder = inputs.parent / "out"
    folder.mkdir()
    monkeypatch.setenv("MIEN_CACHE", str(folder))
    yield folder
    shutil.rmtree(folder)


def _line(name, inputs, out, request):
    for package in WRITERS[name].needs:
        pytest.importorskip(package)
    if "yunet.onnx" in " ".join(WRITERS[name].arguments):
        shutil.copy(request.getfixturevalue("yunet_file"), inputs / "yunet.onnx")
    return WRITERS[name].line(inputs, out)


@pytest.mark.parametrize("name", QUICK)
def test_a_full_disk(name, inputs, out, command, request):
    """The disk is full from the start, or half-way: status 1, one sentence, and what is there is whole."""
    line = _line(name, inputs, out, request)
    assert command(*line).code == 0
    whole = sizes(out)
    assert whole
    for limit in (0, max(whole.values()) // 2):
        shutil.rmtree(out)
        out.mkdir()
        with limited(limit):
            ended = command(*line)

        assert ended.code == 1
        assert "Error: Cannot write" in ended.err
        assert "Traceback" not in ended.err
        assert half_files(whole, sizes(out)) == []


@pytest.mark.parametrize("name", QUICK)
def test_a_folder_that_cannot_be_written(name, inputs, out, command, request):
    """Somebody else's folder: status 1, one sentence, nothing appears."""
    line = _line(name, inputs, out, request)
    with blocked(out):
        if os.access(out, os.W_OK, effective_ids=True):
            pytest.skip("this user may write everywhere")
        ended = command(*line)

    assert ended.code == 1
    assert "Error: Cannot" in ended.err
    assert sizes(out) == {}


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_whole_videos_are_known(suffix, tmp_path, inputs):
    """The check that stands for OpenCV's silence about full disks: every cut is noticed, a whole file is let
    through.
    """
    from mien.media.source import open_source

    with open_source(inputs / "clip.mp4") as source, contextlib.ExitStack() as stack:
        sink = VideoSink(tmp_path / f"a{suffix}", lambda image, _readings: image, 25.0)
        stack.callback(sink.close)
        for frame in source:
            sink.write(frame, ())
    data = (tmp_path / f"a{suffix}").read_bytes()

    assert is_whole(tmp_path / f"a{suffix}")
    for cut in (1, 8, len(data) // 2, len(data) - 20, len(data)):
        (tmp_path / "cut").write_bytes(data[:-cut])
        assert not is_whole(tmp_path / "cut")
    (tmp_path / "cut").write_bytes(data + b"\0")
    assert not is_whole(tmp_path / "cut")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_standard_output_that_is_full(unbuffered):
    """`mien models list > /dev/full`: one sentence and status 1, no traceback, whether or not Python buffers."""
    import subprocess

    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "mien", "models", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )

    assert ended.returncode == 1
    assert ended.stderr == "Error: The output cannot be written: No space left on device.\n"
