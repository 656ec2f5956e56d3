"""How a command ends: errors as one sentence, and signals as the exit status that shells know.

Exit status: 0 done, 1 something failed, 2 the command line was wrong, 128 + n stopped by signal n (130 for Ctrl-C,
143 for `kill`).
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import click

from mien.core.errors import MienError, MissingExtraError, OptionError

__all__ = ["STOPPED", "run_command"]

_FAILED, _WRONG_USE = 1, 2
_BY_SIGNAL = 128
STOPPED = _BY_SIGNAL + signal.SIGINT
"""Exit status after Ctrl-C, as shells report it."""
_EXTRAS = {
    "train": ("torch", "torchvision", "timm", "lightning", "tensorboard", "safetensors", "onnx", "onnxscript",
              "sklearn", "matplotlib"),
    "data": ("pyarrow",),
    "app": ("fastapi", "starlette", "uvicorn", "websockets"),
    "demo": ("skimage",),
    "scale": ("ray",),
}  # fmt: skip
_OUTPUT_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class _Signalled(KeyboardInterrupt):
    """Another signal than Ctrl-C asks the command to stop; it is heeded in the same way."""


def run_command(command: Callable[[], Any]) -> None:
    """Run a click command (in its mode that is not standalone) and leave with the right exit status.

    SIGTERM and SIGHUP unwind the program as Ctrl-C does, so that nothing half written is left behind. A signal that
    is ignored from the start, as under `nohup`, stays ignored.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may hold what no encoding can say
    with _heeding_signals() as received:
        status = _status(command)
    if status == STOPPED and received:
        status = _BY_SIGNAL + received[0]
    if status:
        sys.exit(status)


def _status(command: Callable[[], Any]) -> int:
    try:
        result = command()
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as stop:
        if isinstance(stop.__cause__, EOFError):  # click takes the end of a file for the end of a conversation
            raise stop.__cause__ from None
        click.echo("Stopped.", err=True)
        return STOPPED
    except BrokenPipeError:
        # The reader of our output went away (`mien ... | head`); nothing is left to say.
        _drop_output()
        return _FAILED
    except (MienError, ModuleNotFoundError, MemoryError, OSError) as error:
        return _failed(_missing(error) if isinstance(error, ModuleNotFoundError) else error)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else _FAILED
    return result if isinstance(result, int) else 0


def _missing(error: ModuleNotFoundError) -> Exception:
    """The sentence for an optional package that is not installed, or the error itself for any other."""
    package = (error.name or "").partition(".")[0]
    extra = next((extra for extra, packages in _EXTRAS.items() if package in packages), None)
    return error if extra is None else MissingExtraError("This command", package, extra)


def _failed(error: Exception) -> int:
    """Status after an error, which is told in one sentence; what is a bug of the program goes on as it is."""
    text = str(error)
    if isinstance(error, ModuleNotFoundError):
        raise error
    if isinstance(error, MemoryError):
        text = "There is not enough memory for this; take smaller pictures or batches, or fewer threads."
    elif isinstance(error, OSError):
        if error.filename is None and error.errno not in _OUTPUT_ERRORS:
            raise error
        if error.filename is None:
            _drop_output()
        what = "The output cannot be written" if error.filename is None else f"{error.filename} cannot be used"
        text = str(MienError(f"{what}: {error.strerror}."))
    click.echo(f"Error: {text}", err=True)
    if _comes_of_a_stop(error):
        return STOPPED
    return _WRONG_USE if isinstance(error, OptionError) else _FAILED


def _drop_output() -> None:
    """Send what is still buffered nowhere; at its end the interpreter would try to write it again and fail."""
    with contextlib.suppress(OSError, ValueError):  # a replaced output has no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _comes_of_a_stop(error: BaseException | None) -> bool:
    """Whether an error tells of Ctrl-C, such as "Stopped after 3 epochs"."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextlib.contextmanager
def _heeding_signals() -> Iterator[list[int]]:
    """Signals that would end the process at once raise KeyboardInterrupt meanwhile; gives those that came."""
    received: list[int] = []

    def stop(number: int, _frame: object) -> None:
        received.append(number)
        raise _Signalled

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, stop)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
