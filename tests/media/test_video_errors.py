"""What a video that cannot be read says of itself, in parts for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.core.errors import VideoError
from mien.media.source import open_source


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("gone.mp4", None, "missing"),
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"this is no video" * 100, "damaged"),
        ("sound.wav", b"RIFF" * 20, "unsupported"),
        ("gopher://example.org/a.mp4", None, "unsupported"),
    ],
)
def test_subject_and_code(tmp_path: Path, name: str, content: bytes | None, code: str) -> None:
    """The error names the source as it was given, says what is wrong in a word, and takes another name."""
    given = name if "://" in name else str(tmp_path / name)
    if content is not None:
        Path(given).write_bytes(content)
    with pytest.raises(VideoError) as refused:
        open_source(given)
    assert (refused.value.subject, refused.value.code) == (given, code)
    assert str(refused.value) == f"{given} {refused.value.reason}"
    assert refused.value.about("The video").startswith(f"The video {refused.value.reason}")


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    """A folder without pictures is empty, and says so of itself."""
    with pytest.raises(VideoError, match="is a folder that holds no pictures") as refused:
        open_source(tmp_path)
    assert (refused.value.subject, refused.value.code) == (str(tmp_path), "empty")
