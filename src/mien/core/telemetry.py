"""Switches off what libraries report about their use, where each is loaded and before it is.

A variable that is set already stays as it is, so that who wants the reports can have them.
"""

from __future__ import annotations

import os

__all__ = ["VARIABLES", "switch_off"]

VARIABLES = {
    # From 1.31 on; it also keeps an identifier of the machine in the home folder.
    "onnxruntime": ("ORT_DISABLE_TELEMETRY", "1"),
    "ray": ("RAY_USAGE_STATS_ENABLED", "0"),
    "huggingface_hub": ("HF_HUB_DISABLE_TELEMETRY", "1"),
}
"""The variable of each library and the value that switches its reports off."""


def switch_off(library: str) -> None:
    """Tell a library, which is loaded next, to report nothing."""
    os.environ.setdefault(*VARIABLES[library])
