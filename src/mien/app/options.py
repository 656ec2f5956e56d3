"""Options that several commands share: which model, which detector, how to look for faces.

A command names the options that it has and gets one `mien.infer.options.AnalyzerOptions`; defaults and help texts
come from there and from the table of detectors.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mien.core.errors import OptionError
from mien.core.text import whole_number
from mien.infer.detectors.table import AUTO, DEFAULT_DETECTOR, DETECTORS
from mien.infer.devices import AUTO_DEVICE, DEVICES
from mien.infer.options import ROTATIONS, AnalyzerOptions
from mien.infer.registry import DEFAULT_MODEL

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer

__all__ = ["FULL", "VIDEO", "analyzer_options", "detect_side", "detector_names", "make_analyzer"]

_F = TypeVar("_F", bound=Callable[..., Any])

FULL = "full"
"""Value of `--detect-size` that looks at whole pictures."""


def detector_names() -> str:
    """The detectors for a help text."""
    default = f"{AUTO} ({DEFAULT_DETECTOR})"
    return f"{default}, {', '.join(f'{row.name} ({row.summary})' for row in DETECTORS.values())}, or a detector's file."


def detect_side(text: str) -> int | None:
    """Value of `--detect-size`: a number of pixels, or None for "full".

    Raises:
        OptionError: neither.

    """
    if text == FULL:
        return None
    side = whole_number(text)
    if side is None:
        raise OptionError(f"--detect-size expects a number of pixels or {FULL!r}, got {text!r}.")
    return side


def _most_pixels(megapixels: float) -> int:
    if not math.isfinite(megapixels):
        raise OptionError(f"--max-megapixels expects a number of megapixels such as 100, got {megapixels:g}.")
    return int(megapixels * 1e6)


def _model_option(default: str) -> Callable[[Any], Any]:
    return click.option(
        "--model", default=default, show_default=True, help="Shipped name, .onnx file, or training run."
    )


# One row per field of AnalyzerOptions: the option that sets it, and what turns its value into the field's.
_OPTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "model": (_model_option(DEFAULT_MODEL), str),
    "detector": (
        click.option("--detector", default=AnalyzerOptions.detector, show_default=True, help=detector_names()),
        str,
    ),
    "min_face": (
        click.option(
            "--min-face",
            type=click.FloatRange(0),
            default=AnalyzerOptions.min_face,
            metavar="PX",
            help="Leave out smaller faces.",
        ),
        float,
    ),
    "max_faces": (
        click.option("--max-faces", type=click.IntRange(1), metavar="N", help="Read at most the N largest faces."),
        lambda value: value,
    ),
    "detect_side": (
        click.option(
            "--detect-size",
            "detect_side",
            default=str(AnalyzerOptions.detect_side),
            show_default=True,
            metavar=f"PX|{FULL}",
            help=f"Longest side at which faces are looked for; '{FULL}' finds tiny faces in large pictures.",
        ),
        detect_side,
    ),
    "min_confidence": (
        click.option(
            "--min-confidence",
            type=click.FloatRange(0, 1),
            metavar="P",
            help="Mark readings with less confidence (0 to 1) as uncertain.  [default: what the model file says]",
        ),
        lambda value: value,
    ),
    "threads": (
        click.option(
            "--threads",
            type=click.IntRange(1),
            default=AnalyzerOptions.threads,
            show_default=True,
            help="Threads of the classifier.",
        ),
        int,
    ),
    "device": (
        click.option(
            "--device",
            type=click.Choice((*DEVICES, AUTO_DEVICE)),
            default=AnalyzerOptions.device,
            show_default=True,
            help="What computes; docs/devices.md says what each needs.",
        ),
        str,
    ),
    "rotate": (
        click.option(
            "--rotate",
            type=click.Choice([str(known) for known in ROTATIONS]),
            default=str(AnalyzerOptions.rotate),
            show_default=True,
            help="Turn pictures clockwise by so many degrees first; auto takes the direction whose faces are surest.",
        ),
        lambda text: int(text) if text.isdecimal() else text,
    ),
    "max_pixels": (
        click.option(
            "--max-megapixels",
            "max_pixels",
            type=click.FloatRange(0.001),
            default=AnalyzerOptions.max_pixels / 1e6,
            show_default=True,
            help="Largest picture to open.",
        ),
        _most_pixels,
    ),
}


VIDEO = tuple(name for name in _OPTIONS if name != "rotate")
"""The fields that are for videos."""


def analyzer_options(*names: str, model: str = DEFAULT_MODEL) -> Callable[[_F], _F]:
    """Decorator: the options of these fields of `AnalyzerOptions` (of all without names).

    The command gets their values as one argument `analysis`, of that class; what is not named has its default, and
    `model` is the command's.

    Raises:
        OptionError: when the command is called with an impossible value.

    """
    chosen = names or tuple(_OPTIONS)

    def add(command: _F) -> _F:
        @functools.wraps(command)
        def wrapped(*arguments: Any, **values: Any) -> Any:
            fields = {name: _OPTIONS[name][1](values.pop(name)) for name in chosen}
            return command(*arguments, analysis=AnalyzerOptions(**fields), **values)

        made: Any = wrapped
        for name in reversed(chosen):
            made = (_model_option(model) if name == "model" else _OPTIONS[name][0])(made)
        return made  # type: ignore[no-any-return]

    return add


def make_analyzer(options: AnalyzerOptions) -> Analyzer:
    """Opened models; the libraries are loaded here and not before.

    Raises:
        OptionError: unknown model or detector.
        ModelError, StoreError: a model file is missing or damaged.

    """
    from mien.infer.analyzer import Analyzer

    return Analyzer.of(options)
