"""Real signals to real processes: the exit status that shells know, whole files or none, and no traceback."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from damage_writers import make_inputs

if sys.platform == "win32":
    pytest.skip("signals and named pipes are those of Unix", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("heeds_ctrl_c")

TINY = Path(__file__).resolve().parents[1] / "golden" / "tiny.onnx"
ENDS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "mien", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def end(process, number):
    """Send the signal: status and what was written to standard error."""
    process.send_signal(number)
    try:
        _, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert "Traceback" not in err
    return process.returncode, err


def wait_for(process, condition):
    """Until something is there; the process must not end before."""
    limit = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.mark.parametrize(("number", "status"), ENDS)
@pytest.mark.parametrize(
    "line",
    [
        ("analyze", "{pipe}", "--model", TINY, "--detector", "none", "-o", "{out}/a.json"),
        ("evaluate", TINY, "{pipe}", "--report", "{out}/page"),
    ],
    ids=lambda line: line[0],
)
def test_a_command_that_waits_for_its_input(line, number, status, tmp_path):
    """A named pipe keeps the command busy with its input for as long as the test wants."""
    pipe, out = tmp_path / "picture.csv", tmp_path / "out"
    os.mkfifo(pipe)
    out.mkdir()
    process = start(*(str(a).format(pipe=pipe, out=out) for a in line))
    with pipe.open("wb"):  # opens once the command opens its end
        # A signal in the microsecond before a blocking read only sets Python's flag: let the read begin.
        time.sleep(0.3)
        code, err = end(process, number)

    assert code == status
    assert err.strip() == "Stopped."
    assert [p for p in out.rglob("*") if p.is_file()] == []


def test_a_video_that_is_terminated(tmp_path):
    """`kill` finishes the files as Ctrl-C does (tests/app/test_video_command.py), with its own status."""
    clip = make_inputs(tmp_path / "in") / "clip.mp4"
    frames = tmp_path / "frames"
    frames.mkdir()
    import cv2

    capture = cv2.VideoCapture(str(clip))
    for i in range(2000):
        if i < 12:
            picture = capture.read()[1]
            cv2.imwrite(str(frames / f"{i}.png"), picture)
        else:
            (frames / f"{i}.png").hardlink_to(frames / f"{i % 12}.png")
    out = tmp_path / "out"
    out.mkdir()
    process = start("video", frames, "--model", TINY, "--detector", "mien", "--detector-every", 1,
                    "--timeline", out / "a.csv", "-o", out / "a.mp4")  # fmt: skip
    wait_for(process, lambda: any(out.glob(".a.*.part.mp4")))
    code, err = end(process, signal.SIGTERM)

    assert code == 143
    assert "Stopped at" in err
    assert sorted(p.name for p in out.iterdir()) == ["a.csv", "a.mp4"]
    with (out / "a.csv").open(newline="") as file:
        assert next(csv.reader(file))[0] == "time_s"


@pytest.mark.parametrize(("number", "status"), ENDS)
def test_a_training_run_that_is_stopped(number, status, tmp_path, command, monkeypatch):
    """Its own status, what to do next, no half file, and a checkpoint to go on from."""
    pytest.importorskip("lightning")
    from mien.app.commands import train

    run = tmp_path / "run"

    def stop_after_a_checkpoint(_text):
        if (run / "checkpoints" / "last.ckpt").exists():
            os.kill(os.getpid(), number)

    monkeypatch.setattr(train, "_say", stop_after_a_checkpoint)
    ended = command("train", make_inputs(tmp_path / "in") / "set", "--out", run, "--model", "ann", "--size", 8,
                    "--epochs", 50, "--device", "cpu", "--threads", 1, "--batch-size", 8,
                    "--set", "workers=0")  # fmt: skip

    assert ended.code == status
    assert "go on with --resume" in ended.err
    assert not list(run.rglob("*.part*"))
    assert not (run / "model.onnx").exists()
