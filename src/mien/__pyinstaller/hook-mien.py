"""What a frozen program needs of mien: the models and other data files, and modules that are imported by name."""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

# Training stays out: it would bring torch.
hiddenimports = collect_submodules(
    "mien", filter=lambda name: not name.startswith(("mien.learn", "mien.__pyinstaller"))
)
datas = collect_data_files("mien")
for _package in ("mien", "numpy", "onnxruntime", "opencv-python-headless", "opencv-python", "pillow"):
    with suppress(PackageNotFoundError):  # what `mien info` tells versions of
        datas += copy_metadata(_package)
excludedimports = ["torch", "torchvision", "timm", "lightning"]
