"""Trains models: the only room that imports torch, torchvision, timm and lightning."""

from mien.core.telemetry import switch_off

for _library in ("huggingface_hub", "onnxruntime"):
    switch_off(_library)
