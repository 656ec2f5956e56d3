"""Damaged files, bad inputs, full disks and signals: tried many times, counted, and written to docs/reliability.md.

    python benchmarks/faults.py [--trials N] [--seed S] [--out docs/reliability.md]
    python benchmarks/faults.py --misread    # only the cases that were once misread; the rest of the page stays

Needs the checkout (the damage is made by tests/faults) and the test extra, on Unix. The same seed damages the same
files in the same way; a fault is told with the number of its trial. Prints a table and ends with one line of JSON;
the exit status is 1 when there was a fault.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "faults"))

from damage_cases import CASES, Case
from damage_readers import READERS
from damage_trials import Tally, try_reader
from damage_writers import WRITERS, Writer, blocked, half_files, limited, make_inputs, sizes
from misread_cases import MISREAD, Misread


def _run_case(case: Case, folder: Path) -> dict[str, object]:
    """Status and last sentence of the command; a fault where it is a traceback, a signal, or took too long."""
    case.make(folder)
    command = [sys.executable, "-m", "mien", *case.line(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=120, env=environment, errors="replace"
        )
    except subprocess.TimeoutExpired:
        return {"what": case.what, "status": None, "says": "no end after 120 s", "fault": True}
    told = [text for text in (done.stdout + done.stderr).splitlines() if "rror" in text] or [done.stderr.strip()]
    says = told[-1].replace(f"{folder}/", "").removeprefix("Error: ").removeprefix("error ").strip()
    fault = done.returncode not in (1, 2) or "Traceback" in done.stderr or not says
    return {"what": case.what, "status": done.returncode, "says": says, "fault": fault}


def _run_writer(writer: Writer, inputs: Path, out: Path) -> dict[str, object]:
    """How a command behaves when the disk is full at once, is full half-way, and when the folder is closed."""

    def run(hindered: contextlib.AbstractContextManager[None]) -> tuple[int, str, dict[str, int]]:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        told = io.StringIO()
        with hindered, contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(told):
            code = _main(writer.line(inputs, out))
        return code, told.getvalue(), sizes(out)

    _, _, whole = run(contextlib.nullcontext())
    largest = max(whole.values(), default=0)
    faults = [] if whole else ["it wrote nothing where nothing fails"]
    places = {"full at once": limited(0), "full half-way": limited(largest // 2), "closed": blocked(out)}
    for place, hindered in places.items():
        code, told, found = run(hindered)
        if code != 1 or "Error: " not in told or half_files(whole, found):
            faults.append(f"{place}: status {code}, {half_files(whole, found)}")
    return {"what": writer.name, "files": len(whole), "faults": faults}


def _main(arguments: list[str]) -> int:
    from mien.app.cli import main

    with mock.patch.object(sys, "argv", ["mien", *arguments]):
        try:
            main()
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else 1
    return 0


def _missing(packages: tuple[str, ...]) -> bool:
    from importlib.util import find_spec

    return any(find_spec(package) is None for package in packages)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder that every user may read, since some commands run as nobody."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _readers(trials: int, seed: int) -> dict[str, Tally]:
    done = {}
    for name, reader in READERS.items():
        if _missing(reader.needs):
            continue
        with _folder() as folder:
            done[name] = try_reader(name, seed, trials, folder)
        tally = done[name]
        print(f"{name:42} {tally.tried:6} {tally.read:6} {tally.refused:6} {len(tally.faults):6}", flush=True)
        for fault in tally.faults[:5]:
            print(f"    trial {fault.trial}: {fault.what}")
    return done


def _cases() -> list[dict[str, object]]:
    done = []
    for case in CASES:
        with _folder() as folder:
            done.append(_run_case(case, folder))
        print(
            f"{'FAULT ' if done[-1]['fault'] else ''}{case.what}: {done[-1]['status']}, {done[-1]['says']}", flush=True
        )
    return done


def _writers() -> list[dict[str, object]]:
    done = []
    with _folder() as folder:
        inputs = make_inputs(folder / "in")
        with mock.patch.dict(os.environ, {"MIEN_CACHE": str(folder / "out")}):
            for writer in WRITERS.values():
                if _missing(writer.needs) or "yunet" in " ".join(writer.arguments):
                    continue
                done.append(_run_writer(writer, inputs, folder / "out"))
                print(f"{writer.name}: {done[-1]['files']} files, faults {done[-1]['faults']}", flush=True)
    return done


def _run_misread(case: Misread, folder: Path) -> dict[str, object]:
    """What a case says now; a fault where that is not what it should say."""
    case.make(folder)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    line = case.line(folder)
    done = subprocess.run(line, check=False, capture_output=True, text=True, timeout=120, env=environment)
    told = done.stdout + done.stderr
    found = re.search(case.says, " ".join(told.split()) if "(?m)" not in case.says else told)
    says = _telling(told, case.says).replace(f"{folder}/", "").removeprefix("Error: ").removeprefix("error ").strip()
    return {"case": case, "says": says, "fault": found is None or done.returncode != case.status}


def _telling(told: str, pattern: str) -> str:
    """The line that the pattern finds, else the last one; of an error in Python its text."""
    lines = [line.strip() for line in told.splitlines() if line.strip()] or [""]
    line = next((line for line in reversed(lines) if re.search(pattern, line)), lines[-1])
    return re.sub(r"^[\w.]+Error: |, in [\d.]+ s \(.*", "", line)


def _misread() -> list[dict[str, object]]:
    done = []
    for case in MISREAD:
        with _folder() as folder:
            (folder / "in").mkdir()
            done.append(_run_misread(case, folder / "in"))
        print(f"{'FAULT ' if done[-1]['fault'] else ''}{case.what}: {done[-1]['says']}", flush=True)
    return done


_MISREAD_HEAD = "## Misread or missing without a word"
_MISREAD = (
    "Public bug reports of the field were replayed. Each case below stands for its kind, and the test for the kind;\n"
    "the column *now* is what the command or the call said when this page was made."
)


def _misread_section(done: list[dict[str, object]]) -> str:
    lines = [_MISREAD_HEAD, "", _MISREAD, "", "| input | before | now | test |", "|---|---|---|---|"]
    for one in done:
        case: Misread = one["case"]  # type: ignore[assignment]
        mark = "**fault**: " if one["fault"] else ""
        test = case.test.removeprefix("tests/").replace("::", "` `")
        lines.append(f"| {case.what} | {_cell(case.before)} | {mark}{_cell(str(one['says']))} | `{test}` |")
    return "\n".join(lines) + "\n"


def _renew_misread(page: Path) -> bool:
    """Write that section of the page anew; whether there was a fault."""
    done = _misread()
    text, section = page.read_text("utf-8"), _misread_section(done)
    before, head, after = text.partition(f"{_MISREAD_HEAD}\n")
    if head:
        _, mark, rest = after.partition("\n## ")
        text = f"{before}{section}{mark}{rest}"
    else:
        before, mark, rest = text.partition("## Full disks and closed folders")
        text = f"{before}{section}\n{mark}{rest}"
    page.write_text(text, "utf-8")
    return any(bool(one["fault"]) for one in done)


_INTRO = """# Reliability

What was tried to break `mien`, how often, and how it ended. Written by

    {command}

on {system}, Python {python}, with {packages}. The same seed damages the same files in the same way.

A right outcome is a right result, or one sentence that says what was expected, what came and what to do, with exit
status 1 (2 for wrong use). Anything else is a fault: a traceback, a crash, a hang, a half file under a final name.
"""

_DAMAGE = (
    "Each damages a small good file: bits flip, bytes change, go missing or come twice, the end is cut off,\nnumbers "
    "become extreme, checksums are made right again, JSON and ONNX metadata hold odd values."
)
_HEAD_DAMAGE = "| reader | trials | read all the same | refused | faults | slowest |\n|---|---:|---:|---:|---:|---:|"
_DISKS = (
    "Each command runs on a disk that is full at once, on one that is full half-way through its largest file, and\n"
    "into a folder that it may not write. It must end with status 1 and a sentence, and every file that is there must\n"
    "be whole."
)
_HEAD_DISKS = "| command | files it writes | faults in 3 trials |\n|---|---:|---|"

_REST = """## Stopped, moved and shared

Tests hold these (`tests/faults/test_faults_signals.py`, `test_faults_places.py`, `tests/app/test_privacy.py`,
`tests/server/test_server_attacks.py`):

| what | outcome |
|---|---|
| Ctrl-C or `kill` during `analyze`, `evaluate` | status 130 or 143, nothing left behind |
| Ctrl-C or `kill` during `video` | status 130 or 143, the files hold what was read until then |
| Ctrl-C or `kill` during `train` | status 130 or 143, the last checkpoint is whole, `--resume` goes on |
| standard output is full or its reader gone | status 1, one sentence or none |
| the home folder cannot be written, or there is none | pictures are read; the model store says what to set |
| no network | pictures and videos are read; what must be fetched says so at once |
| three processes fetch the same model | one fetches, the others wait and find it whole |
| odd names: quotes, line breaks, escapes, no UTF-8 | read, and shown so that a terminal does not act on them |
| tables written on Windows | backslashes, CR LF and a byte-order mark are understood |
| hostile clients of the web service | refused in one sentence; the service goes on |
"""


def _page(arguments: argparse.Namespace, tallies: dict[str, Tally], cases: list[dict[str, object]],
          misread: list[dict[str, object]], writers: list[dict[str, object]]) -> str:  # fmt: skip
    names = ("pillow", "onnxruntime", "opencv-python-headless", "pyarrow", "torch")
    head = _INTRO.format(
        command=f"python benchmarks/faults.py --trials {arguments.trials} --seed {arguments.seed}",
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        packages=", ".join(f"{name} {metadata.version(name)}" for name in names),
    )
    total = sum(t.tried for t in tallies.values())
    faults = sum(len(t.faults) for t in tallies.values())
    lines = [head, "## Damaged files", "", f"{total:,} trials, {faults} faults. {_DAMAGE}", "", _HEAD_DAMAGE]
    lines += [
        f"| {name} | {t.tried} | {t.read} | {t.refused} | {len(t.faults)} | {t.slowest_s * 1e3:.0f} ms |"
        for name, t in tallies.items()
    ]
    lines += ["", "## Bad inputs, one by one", "", "| input | status | answer |", "|---|---:|---|"]
    for case in cases:
        status = f"{case['status']}{' **fault**' if case['fault'] else ''}"
        lines.append(f"| {case['what']} | {status} | {_cell(str(case['says']))} |")
    lines += ["", _misread_section(misread), "## Full disks and closed folders", "", _DISKS, "", _HEAD_DISKS]
    for writer in writers:
        lines.append(f"| {writer['what']} | {writer['files']} | {_cell(str(writer['faults'] or 'none'))} |")
    return "\n".join([*lines, "", _REST])


def _cell(text: str) -> str:
    short = text if len(text) <= 220 else f"{text[:150]} ... {text[-60:]}"
    return short.replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")


def main() -> None:
    """Run everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=500, help="per reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--misread", action="store_true", help="only the section of what was once misread")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "docs" / "reliability.md")
    arguments = parser.parse_args()
    if arguments.misread:
        sys.exit(_renew_misread(arguments.out))
    start = time.monotonic()
    print(f"{'reader':42} {'tried':>6} {'read':>6} {'refused':>6} {'faults':>6}")
    tallies, cases = _readers(arguments.trials, arguments.seed), _cases()
    misread, writers = _misread(), _writers()
    arguments.out.write_text(_page(arguments, tallies, cases, misread, writers), encoding="utf-8")
    faults = {name: [asdict(f) for f in t.faults] for name, t in tallies.items() if t.faults}
    bad = bool(faults) or any(c["fault"] for c in (*cases, *misread)) or any(w["faults"] for w in writers)
    summary = {"trials": sum(t.tried for t in tallies.values()), "faults": faults, "cases": len(cases),
               "case_faults": sum(bool(c["fault"]) for c in cases), "writers": len(writers),
               "writer_faults": sum(len(w["faults"]) for w in writers),  # type: ignore[arg-type]
               "seconds": round(time.monotonic() - start, 1)}  # fmt: skip
    print(json.dumps(summary))
    sys.exit(bad)


if __name__ == "__main__":
    main()
