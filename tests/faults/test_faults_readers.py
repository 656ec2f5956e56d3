"""Damaged files: every reader gives a right result or an error of the project in one sentence; none crashes Python.

`benchmarks/faults.py` does the same with more trials, and tells of it in docs/reliability.md.
"""

import random
import sys
from pathlib import Path

import damage
import pytest
from damage_cases import CASES
from damage_readers import READERS
from damage_trials import try_here, try_reader

if sys.platform == "win32":
    pytest.skip("limits of memory and signals are those of Unix", allow_module_level=True)

HERE, APART = 60, 40  # trials per reader, in this process and in one of its own


@pytest.mark.parametrize("name", [name for name, reader in READERS.items() if not reader.native])
def test_damaged_files(name, tmp_path):
    """Readers in plain Python, and pictures: bytes that flip, go missing or come twice, and odd words."""
    for package in READERS[name].needs:
        pytest.importorskip(package)
    tally = try_here(name, 0, HERE, tmp_path)

    assert not tally.faults
    assert tally.tried == HERE
    assert tally.refused > 0


@pytest.mark.parametrize("name", [name for name, reader in READERS.items() if reader.native])
def test_damaged_binaries(name, tmp_path):
    """Readers that use libraries in C and C++, in a process of their own: a crash would be a fault of that trial."""
    for package in READERS[name].needs:
        pytest.importorskip(package)
    tally = try_reader(name, 0, APART, tmp_path)

    assert not tally.faults
    assert tally.tried == APART
    assert tally.refused > 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_bad_inputs(case, tmp_path, command):
    """One by one: status 1, or 2 for wrong use, and a sentence."""
    case.make(tmp_path)
    ended = command(*case.line(tmp_path))

    assert ended.code in (1, 2)
    assert "rror" in ended.out + ended.err
    assert "Traceback" not in ended.err


def test_damage_is_the_same_everywhere():
    """A trial is told by its seed and number, so that it can be repeated."""
    data = bytes(range(256)) * 4
    first, again, other = (damage.corrupt(data, random.Random(seed)) for seed in (1, 1, 2))

    assert first == again != other


def test_a_crash_is_counted_and_the_next_trial_goes_on(tmp_path, monkeypatch):
    """The harness itself: a reader that ends the process is told as a fault with its signal, the others are made."""
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import os, damage_readers\n"
        "def read(path):\n"
        "    if path.read_bytes() != b'good' * 9: os.abort()\n"
        "def make(folder):\n"
        "    (folder / 'a').write_bytes(b'good' * 9); return [folder / 'a']\n"
        "damage_readers.READERS['bad'] = damage_readers.Reader('bad', make, read)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    tally = try_reader("bad", 0, 3, tmp_path / "trials")

    assert [fault.trial for fault in tally.faults] == [0, 1, 2]
    assert all("signal 6" in fault.what for fault in tally.faults)
