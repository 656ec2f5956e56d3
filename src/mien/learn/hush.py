"""Libraries that say more than anybody wants to know while they convert and train."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["errors_only"]


@contextmanager
def errors_only(*names: str) -> Iterator[None]:
    """Let these loggers (the root for "") tell of nothing but errors meanwhile."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
