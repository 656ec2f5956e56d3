"""Atomic writing: a name that exists holds a whole file, whatever happens."""

import errno

import pytest

from mien.core.errors import OutputError
from mien.core.files import atomic_write, make_folder


def test_a_finished_file_has_its_name_and_no_leftovers(tmp_path):
    """After the block the file is there and nothing else is."""
    with atomic_write(tmp_path / "a.txt", "w") as file:
        file.write("é")

    assert (tmp_path / "a.txt").read_text("utf-8") == "é"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_an_error_leaves_the_old_file(tmp_path):
    """When the writing fails, what was there before stays, and the temporary file goes."""
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(target, "w") as file:
        file.write("half")
        raise RuntimeError

    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_is_one_sentence(tmp_path):
    """The operating system's reason is passed on, with the file's name."""
    with pytest.raises(OutputError, match=r"Cannot write .*a\.txt: No space left on device"):  # noqa: SIM117
        with atomic_write(tmp_path / "a.txt"):
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_missing_folder_is_named(tmp_path):
    """The message says that the folder is what is missing."""
    with pytest.raises(OutputError, match="the folder .*nowhere does not exist"), atomic_write(tmp_path / "nowhere/a"):
        pass


def test_a_folder_in_the_place_of_a_file(tmp_path):
    """A folder is not overwritten, and a file is not taken for a folder."""
    with pytest.raises(OutputError, match="it is a folder"), atomic_write(tmp_path):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot create the folder"):
        make_folder(tmp_path / "file")
