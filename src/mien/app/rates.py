"""A test of learning rates, told in two lines and a figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mien.data.manifest import Manifest
    from mien.learn.config import Config

__all__ = ["test_rates"]


def test_rates(read: Callable[[], Manifest], config: Config, png: Path) -> float:
    """Test learning rates, draw and print what they speak for; gives the suggestion.

    Args:
        read: gives the data set, when the settings are known to be possible.
        config: settings of the run.
        png: the figure.

    Raises:
        TrainError: the loss falls at no rate.

    """
    from mien.core.errors import TrainError
    from mien.core.files import atomic_write
    from mien.learn.find_lr import draw_rates, find_lr
    from mien.learn.leaks import prepared
    from mien.learn.train import resolve

    config = resolve(config)
    test = find_lr(prepared(read(), config, Path()), config)
    with atomic_write(png) as file:
        file.write(draw_rates(test, config.lr))
    if test.suggestion is None:
        raise TrainError("The loss falls at no learning rate, so none is suggested; look at data and settings.")
    click.echo(
        f"The loss falls fastest at --lr {test.suggestion:.2g}; a tenth of the rate with the lowest loss is "
        f"{test.tenth:.2g}. The settings have {config.lr:g}. Figure: {png}"
    )
    return test.suggestion
