"""The devices that ONNX Runtime may compute on, by name. Loads the runtime only to ask what is there.

One package of the runtime is installed at a time, and each brings the devices that it was built with; so a device that
is asked for and missing is an error that names the package, and never a silent return to the processor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mien.core.errors import OptionError, unknown_name

__all__ = ["AUTO_DEVICE", "CPU", "DEVICES", "Device", "available", "candidates", "check_name"]

CPU = "cpu"
AUTO_DEVICE = "auto"
"""The first device of the table that is there."""


@dataclass(frozen=True)
class Device:
    """A row of the table.

    Args:
        name: as the command line spells it.
        summary: what it is, in a few words.
        providers: the runtime's names of it, the preferred one first.
        package: the package of the runtime that has it.
        options: what the runtime is told.
        shared: whether several threads may compute at once in one session.

    """

    name: str
    summary: str
    providers: tuple[str, ...]
    package: str
    options: dict[str, Any] = field(default_factory=dict, hash=False)
    shared: bool = True


_ROWS = (
    Device(
        "cuda",
        "NVIDIA",
        ("CUDAExecutionProvider",),
        "onnxruntime-gpu",
        # Pictures have many sizes; an exhaustive search for the fastest algorithm would run again for each.
        {"cudnn_conv_algo_search": "HEURISTIC"},
    ),
    Device("rocm", "AMD on Linux", ("MIGraphXExecutionProvider", "ROCMExecutionProvider"), "onnxruntime-migraphx"),
    Device("coreml", "Apple", ("CoreMLExecutionProvider",), "onnxruntime (on macOS)"),
    Device("directml", "Windows", ("DmlExecutionProvider",), "onnxruntime-directml", shared=False),
    Device("openvino", "Intel", ("OpenVINOExecutionProvider",), "onnxruntime-openvino"),
    Device(CPU, "the processor", ("CPUExecutionProvider",), "onnxruntime"),
)

DEVICES: dict[str, Device] = {row.name: row for row in _ROWS}
"""All devices by name, in the order in which "auto" tries them."""


def check_name(name: object) -> str:
    """The name of a device, or "auto".

    Raises:
        OptionError: another name.

    """
    if isinstance(name, str) and name in (*DEVICES, AUTO_DEVICE):
        return name
    raise OptionError(unknown_name("device", str(name), (*DEVICES, AUTO_DEVICE)))


def available() -> dict[str, str]:
    """The devices that the installed runtime was built with: name -> the runtime's own name.

    Whether the device itself is in the machine shows when a model is opened on it.
    """
    from mien.infer.session import ort

    there = ort.get_available_providers()
    found = {row.name: next((p for p in row.providers if p in there), None) for row in _ROWS}
    return {name: provider for name, provider in found.items() if provider is not None}


def candidates(name: str) -> list[tuple[Device, str]]:
    """The devices to try for a name, in their order, each with the runtime's own name.

    Raises:
        OptionError: the installed runtime was built without the device that is named.

    """
    there = available()
    if check_name(name) == AUTO_DEVICE:
        return [(DEVICES[known], provider) for known, provider in there.items()]
    if name not in there:
        row = DEVICES[name]
        raise OptionError(
            f"{name} needs {row.package} in place of onnxruntime: run pip uninstall onnxruntime and "
            f"pip install {row.package.partition(' ')[0]}. Here are {', '.join(there)}."
        )
    return [(DEVICES[name], there[name])]
