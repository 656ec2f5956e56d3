"""How commands end: one sentence and a status for whatever goes wrong, and nothing else swallowed."""

import errno
import os

import click
import pytest

from mien.app.ending import run_command
from mien.core.errors import DataError, OptionError


def _raises(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (OptionError("No."), 2, "Error: No."),
        (DataError("Not so."), 1, "Error: Not so."),
        (click.UsageError("Wrong."), 2, "Error: Wrong."),
        (KeyboardInterrupt(), 130, "Stopped."),
        (click.Abort(), 130, "Stopped."),
        (MemoryError(), 1, "not enough memory"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), 1, "The output cannot be written: No space left"),
        (OSError(errno.EACCES, os.strerror(errno.EACCES), "a\x1b.png"), 1, "a\\x1b.png cannot be used: Permission"),
        (ModuleNotFoundError("No.", name="lightning.pytorch"), 1, 'run pip install "mien[train]"'),
        (SystemExit(7), 7, ""),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_sentences_and_statuses(error, status, says, capsys):
    """Errors that tell a person something end the command with it."""
    with pytest.raises(SystemExit) as ended:
        run_command(_raises(error))

    assert ended.value.code == status
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyError("bug"), OSError("bug"), ModuleNotFoundError("bug", name="mien.none")])
def test_bugs_are_not_hidden(error):
    """What is a fault of the program comes out as it is."""
    with pytest.raises(type(error), match="bug"):
        run_command(_raises(error))


def test_an_error_that_tells_of_a_stop(capsys):
    """A training run says how to go on; the status is that of Ctrl-C all the same."""

    def command():
        try:
            raise KeyboardInterrupt  # noqa: TRY301
        except KeyboardInterrupt as stop:
            raise DataError("Stopped after 3 epochs.") from stop

    with pytest.raises(SystemExit) as ended:
        run_command(command)

    assert ended.value.code == 130
    assert "Stopped after 3 epochs." in capsys.readouterr().err


def test_nothing_wrong(capsys):
    """A command that returns ends without a status, and leaves the signals as they were."""
    import signal

    before = signal.getsignal(signal.SIGTERM)
    run_command(lambda: None)

    assert signal.getsignal(signal.SIGTERM) is before
    assert capsys.readouterr().err == ""
