"""Options that several commands share: which model, which detector, how to look for faces."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mien.core.errors import OptionError
from mien.core.text import whole_number

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer

__all__ = ["analyzer_options", "detect_side", "make_analyzer", "min_confidence_option", "most_pixels"]

_F = TypeVar("_F", bound=Callable[..., Any])

min_confidence_option = click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Mark readings with less confidence (0 to 1) as uncertain.  [default: what the model file says]",
)
"""Decorator: the option that overrides the model's own threshold."""

_OPTIONS = (
    click.option("--model", default="fer2013", show_default=True, help="Shipped name, .onnx file, or training run."),
    click.option(
        "--detector",
        default="auto",
        show_default=True,
        help="auto or mien (own), mien-int8, yunet, none (each picture is one face crop), or a detector's file.",
    ),
    click.option("--min-face", type=click.FloatRange(0), default=0.0, metavar="PX", help="Leave out smaller faces."),
    click.option("--max-faces", type=click.IntRange(1), metavar="N", help="Read at most the N largest faces."),
    click.option(
        "--detect-size",
        default="640",
        show_default=True,
        metavar="PX|full",
        help="Longest side at which faces are looked for; 'full' finds tiny faces in large pictures.",
    ),
    min_confidence_option,
    click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of the classifier."),
    click.option(
        "--max-megapixels",
        type=click.FloatRange(0.001),
        default=100.0,
        show_default=True,
        help="Largest picture to open.",
    ),
)


def analyzer_options(command: _F) -> _F:
    """Add the shared options to a click command, which takes them as `**options` and calls `make_analyzer`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def make_analyzer(options: Mapping[str, Any]) -> Analyzer:
    """Analyzer from the values of the shared options.

    Raises:
        OptionError: unknown model or detector, or an impossible size.

    """
    from mien.infer.analyzer import Analyzer

    return Analyzer(
        options["model"],
        options["detector"],
        threads=options["threads"],
        min_face=options["min_face"],
        max_faces=options["max_faces"],
        detect_side=detect_side(options["detect_size"]),
        max_pixels=most_pixels(options["max_megapixels"]),
        min_confidence=options["min_confidence"],
    )


def most_pixels(megapixels: float) -> int:
    """Value of `--max-megapixels` in pixels.

    Raises:
        OptionError: not a finite number.

    """
    if not math.isfinite(megapixels):
        raise OptionError(f"--max-megapixels expects a number of megapixels such as 100, got {megapixels:g}.")
    return int(megapixels * 1e6)


def detect_side(text: str) -> int | None:
    """Value of `--detect-size`: a number of pixels, or None for "full".

    Raises:
        OptionError: neither.

    """
    if text == "full":
        return None
    side = whole_number(text)
    if side is None:
        raise OptionError(f"--detect-size expects a number of pixels or 'full', got {text!r}.")
    return side
