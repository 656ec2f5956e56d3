"""No detector: the whole picture is one face crop already, as in FER-2013."""

from __future__ import annotations

from typing import final

from mien.core.types import Face, Image

__all__ = ["WholePicture"]


@final
class WholePicture:
    """Gives each picture back as one face."""

    name = "none"
    thread_safe = True

    def detect(self, image: Image) -> list[Face]:
        """One face whose box is the whole (H, W, 3) picture."""
        height, width = image.shape[:2]
        return [Face((0.0, 0.0, float(width), float(height)), 1.0, whole=True)]
