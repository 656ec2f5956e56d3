"""Settings of a second look's training."""

from __future__ import annotations

from dataclasses import dataclass

from mien.core.errors import OptionError

__all__ = ["SecondConfig"]

_MULTIPLE = 16  # px


@dataclass(frozen=True)
class SecondConfig:
    """Everything that decides the training of a second look's network, besides the data.

    Args:
        minutes: length of the run in minutes of wall time, over all its resumed parts; the learning rate follows it.
        side: of the squares as the network sees them, px; a multiple of 16.
        margin: side of a square as a multiple of the square root of the area of the face's box.
        batch: squares per step from which it learns what is a face.
        turned: further squares per step, of labelled faces turned any way, from which it learns their landmarks.
        lr: learning rate at its highest (AdamW).
        weight_decay: not applied to batch norm and biases.
        warmup: steps of linear rise.
        ema: decay of the moving average of the weights, which is what ships.
        store: squares in memory that batches are drawn from.
        uses: how often each square is learnt from, on average.
        seed: of everything random.
        threads: processor threads of torch.
        workers: processes that look for squares.

    Raises:
        OptionError: a value is impossible.

    """

    minutes: float = 15.0
    side: int = 96
    margin: float = 2.4
    batch: int = 96
    turned: int = 160
    lr: float = 1e-3
    weight_decay: float = 0.02
    warmup: int = 200
    ema: float = 0.999
    store: int = 8192
    uses: int = 2
    seed: int = 1
    threads: int = 1
    workers: int = 1

    def __post_init__(self) -> None:
        if self.minutes <= 0 or self.side < _MULTIPLE or self.side % _MULTIPLE:
            raise OptionError(
                f"A second look needs minutes > 0 and squares with a side that is a multiple of {_MULTIPLE} px, got "
                f"{self.minutes} and {self.side}."
            )
