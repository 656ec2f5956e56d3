"""Damages good files and reads them, in a process of its own that may crash, hang or run out of memory.

    python damage_trials.py READER SEED FIRST COUNT FOLDER

prints one JSON line before and one after each trial; `try_reader` starts that process, starts it again after a crash,
and counts how the trials ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import subprocess
import sys
import threading
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))

__all__ = ["Fault", "Tally", "try_here", "try_reader"]

MEMORY = 6 << 30
"""Bytes of address space that a process of trials may take."""
PATIENCE_S = 30.0
"""A trial that takes longer hangs."""


@dataclass(frozen=True)
class Fault:
    """A trial that ended neither with a result nor with an error of the project."""

    trial: int
    what: str


@dataclass
class Tally:
    """How the trials of one reader ended."""

    read: int = 0
    refused: int = 0
    faults: list[Fault] = field(default_factory=list)
    sentences: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0

    @property
    def tried(self) -> int:
        """Number of trials."""
        return self.read + self.refused + len(self.faults)

    def add(self, trial: int, outcome: dict[str, Any]) -> None:
        """Count one trial."""
        self.slowest_s = max(self.slowest_s, outcome.get("seconds", 0.0))
        kind = outcome["outcome"]
        if kind == "read":
            self.read += 1
        elif kind == "refused":
            self.refused += 1
            self.sentences[outcome["error"]] += 1
        else:
            self.faults.append(Fault(trial, outcome["error"]))


def _trials(name: str, seed: int, first: int, count: int, folder: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Number of a trial with None before it, and with its outcome after it."""
    from damage_readers import READERS

    reader = READERS[name]
    good = list(reader.make(folder))
    whole = [path.read_bytes() for path in good]
    for path in good:
        reader.read(path)  # what is not damaged is read
    for trial in range(first, first + count):
        yield trial, None
        number, data = reader.corrupted(whole, random.Random(f"{seed} {name} {trial}"))
        good[number].write_bytes(data)
        yield trial, _outcome(reader.read, good[number])
        good[number].write_bytes(whole[number])


def _outcome(read: Any, path: Path) -> dict[str, Any]:
    import time

    from mien.core.errors import MienError

    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
        outcome: dict[str, Any] = {"outcome": "read"}
    except MienError as error:
        text = str(error)
        sentence = bool(text) and text.encode() and text.rstrip().endswith((".", "?", ")", "!")) and len(text) < 2100
        kind = type(error).__name__
        outcome = {"outcome": "refused", "error": kind} if sentence else {"outcome": "fault", "error": f"odd: {text!r}"}
    except BaseException as error:  # noqa: BLE001 - whatever else comes is what is looked for
        last = traceback.extract_tb(error.__traceback__)[-1]
        outcome = {"outcome": "fault", "error": f"{type(error).__name__}: {str(error)[:200]} "
                                                f"({Path(last.filename).name}:{last.lineno})"}  # fmt: skip
    return outcome | {"seconds": round(time.perf_counter() - start, 3)}


def try_here(name: str, seed: int, count: int, folder: Path) -> Tally:
    """Trials in this process, for readers in plain Python."""
    tally = Tally()
    for trial, outcome in _trials(name, seed, 0, count, folder):
        if outcome is not None:
            tally.add(trial, outcome)
    return tally


def try_reader(name: str, seed: int, count: int, folder: Path) -> Tally:
    """Trials in a process of their own; a crash or a hang is a fault, and the next trial starts a new process."""
    tally = Tally()
    first = 0
    while first < count:
        first = _round(name, seed, first, count - first, folder, tally)
    return tally


def _round(name: str, seed: int, first: int, count: int, folder: Path, tally: Tally) -> int:
    """One process: the number of the next trial to do."""
    place = folder / f"from-{first}"
    place.mkdir(parents=True)
    arguments = [sys.executable, str(_HERE / "damage_trials.py"), name, str(seed), str(first), str(count), str(place)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    errors: list[str] = []
    drain = threading.Thread(target=lambda: errors.append(process.stderr.read()))
    drain.start()
    current: int | None = None
    watch = threading.Timer(PATIENCE_S, process.kill)
    watch.start()
    for line in process.stdout:
        watch.cancel()
        if not line.startswith('{"trial"'):
            continue
        told = json.loads(line)
        if told["outcome"] is None:
            current = told["trial"]
        else:
            tally.add(told["trial"], told["outcome"])
            current = None
        watch = threading.Timer(PATIENCE_S, process.kill)
        watch.start()
    code = process.wait()
    watch.cancel()
    drain.join()
    process.stdout.close()
    process.stderr.close()
    if code == 0:
        return first + count
    if current is None:
        raise RuntimeError(f"the trials of {name} could not be made:\n{''.join(errors)[-2000:]}")
    what = f"signal {-code}" if code < 0 else f"exit status {code}"
    tally.add(current, {"outcome": "fault", "error": f"the process ended: {what}: {''.join(errors)[-200:]}"})
    return current + 1


def main() -> None:
    """Entry point of the process of trials."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    name, seed, first, count, folder = sys.argv[1:]
    for trial, outcome in _trials(name, int(seed), int(first), int(count), Path(folder)):
        print(json.dumps({"trial": trial, "outcome": outcome}), flush=True)


if __name__ == "__main__":
    main()
