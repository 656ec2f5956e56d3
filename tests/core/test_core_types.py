"""What a reading says of itself."""

import pytest

from mien.core.types import Face, Reading

_FACE = Face((0.0, 0.0, 10.0, 10.0), 0.9)


@pytest.mark.parametrize(
    ("values", "below", "uncertain"),
    [((0.6, 0.4), 0.5, False), ((0.5, 0.5), 0.5, False), ((0.6, 0.4), 0.7, True), ((0.6, 0.4), 0.0, False)],
)
def test_uncertain_below_the_threshold(values, below, uncertain):
    """Uncertain is what has less confidence than the threshold; label and probabilities stay, the caption has a
    mark.
    """
    reading = Reading(_FACE, ("sad", "happy"), values, uncertain_below=below)

    assert reading.uncertain is uncertain
    assert reading.emotion == "sad"
    assert reading.caption == ("sad?" if uncertain else "sad")
    assert reading.to_dict()["uncertain"] is uncertain
    assert reading.to_dict()["probabilities"] == {"sad": values[0], "happy": values[1]}


def test_in_a_video_the_smoothed_confidence_counts():
    """The held label's smoothed probability is its confidence, so that one odd frame does not set the mark."""
    reading = Reading(_FACE, ("sad", "happy"), (0.9, 0.1), 1, (0.45, 0.55), "sad")

    assert (reading.confidence, reading.uncertain, reading.caption) == (0.45, True, "sad?")
