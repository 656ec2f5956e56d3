"""What a person sees of a training run inside an epoch: words, and on a dumb terminal a line per minute."""

import pytest

from mien.app import terminal, training_view
from mien.core.text import duration
from mien.learn.progress import Moment

MOMENT = Moment(epoch=3, epochs=20, share=0.4, loss=1.234, accuracy=0.456, left_s=754.0)


class _Time:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


def test_words_of_a_moment():
    """Epoch and epochs to go, training loss and accuracy, and the time that is left where something tells it."""
    assert training_view.text_of(MOMENT) == (
        "epoch 3 of 20, 40%: loss 1.234, accuracy 0.456 in training, about 13 min left"
    )


@pytest.mark.parametrize(("seconds", "text"), [(40, "40 s"), (100, "2 min"), (7000, "117 min"), (11_100, "3 h 5 min")])
def test_durations(seconds, text):
    """A time to wait is said as people say it."""
    assert duration(seconds) == text


def test_a_line_per_minute(monkeypatch, capsys):
    """Where no terminal is, moments and steps are told once a minute, and not more often."""
    time = _Time()
    monkeypatch.setattr(training_view, "time", time)
    monkeypatch.setattr(terminal, "time", time)
    with training_view.training_view() as show, terminal.progress("Reading", 100, "pictures") as advance:
        for time.now in (1.0, 30.0, 61.0, 62.0, 100.0, 125.0):
            show(MOMENT)
            advance(10)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 3 of 20, 40%", "Reading"] * 2
    assert lines[1] == "Reading: 30 of 100 pictures, about 2 min left"
