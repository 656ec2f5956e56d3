"""Settings of a detector's training."""

from __future__ import annotations

from dataclasses import dataclass

from mien.core.errors import OptionError

__all__ = ["STRIDES", "DetectorConfig"]

STRIDES = (8, 16, 32)
"""Pixels between the cells of the three output maps."""


@dataclass(frozen=True)
class DetectorConfig:
    """Everything that decides a training run, besides the data.

    Args:
        size: side of the training pictures in pixels; a multiple of 32.
        batch: training pictures per step.
        minutes: length of the run in minutes of wall time, over all its resumed parts; the learning rate follows it. 0
            leaves the network that the run starts from as it is.
        lr: learning rate at its highest (AdamW).
        weight_decay: not applied to batch norm and biases.
        warmup: steps of linear rise.
        ema: decay of the moving average of the weights, which is what is judged and shipped.
        mosaic: share of training pictures that are put together from four.
        large: share of the steps with a quarter of the pictures at twice the side.
        wide, broad: channels inside a first and a second further block at the largest stride; 0 for none.
        fine, deep: channels inside a further block at stride 8, and at stride 16; 0 for none.
        plain: last part of the run, as a share, in which no mosaics are made.
        mine_every: minutes between two searches for pictures without a face in which the network sees one.
        seed: of everything random.
        threads: processor threads of torch.
        workers: processes that make training pictures.
        bf16: compute in bfloat16 where the loss of precision is harmless; None where that is faster on this machine.

    Raises:
        OptionError: a value is impossible.

    """

    size: int = 320
    batch: int = 16
    minutes: float = 90.0
    lr: float = 2e-3
    weight_decay: float = 0.02
    warmup: int = 500
    ema: float = 0.999
    mosaic: float = 0.6
    large: float = 0.1
    wide: int = 48
    fine: int = 0
    deep: int = 0
    broad: int = 0
    plain: float = 0.1
    mine_every: float = 15.0
    seed: int = 1
    threads: int = 1
    workers: int = 1
    bf16: bool | None = None

    def __post_init__(self) -> None:
        if self.size % STRIDES[-1] or self.size < 2 * STRIDES[-1]:
            raise OptionError(f"The training size must be a multiple of {STRIDES[-1]} px from 64, got {self.size}.")
        if self.broad and not self.wide:
            raise OptionError("The second further block at the largest stride (broad) needs the first one (wide).")
        if self.minutes < 0 or self.batch < 1 or self.threads < 1 or self.workers < 0:
            raise OptionError(
                "The run needs minutes from 0, a batch and threads of at least 1, and workers of at least 0."
            )
