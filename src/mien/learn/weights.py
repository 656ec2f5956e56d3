"""Weights of a network as safetensors, and loading them where they fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from mien.core.errors import TrainError
from mien.core.files import atomic_write
from mien.learn.starts import FACTS_KEY, packaged_weights, start_of, weights_file

__all__ = [
    "Known", "is_ours", "load_trunk", "load_weights", "mix_weights", "packaged_weights", "save_small", "save_weights",
    "weights_of",
]  # fmt: skip

_TRUNK = "trunk."


@dataclass(frozen=True)
class Known:
    """A file of weights and what it says of itself.

    Args:
        path: the file.
        architecture: name of the network; "" where the file does not say.
        heads: labels of every head, by its name.

    """

    path: Path
    architecture: str = ""
    heads: Mapping[str, tuple[str, ...]] | None = None


def weights_of(name: str) -> Known:
    """A file of weights by a packaged name or by its path.

    Raises:
        TrainError: neither a file nor a packaged name, or the file is damaged.

    """
    path = weights_file(name)
    if path.suffix != ".safetensors":
        return Known(path)
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {}).get(FACTS_KEY, "{}"))
        heads = {head: tuple(labels) for head, labels in facts.get("heads", {}).items()}
    except (SafetensorError, OSError, ValueError, AttributeError, TypeError) as error:
        raise TrainError(f"Cannot read the weights {path}: {error}; expected a whole safetensors file.") from error
    start = start_of(name)
    return Known(path, "" if start is None else str(start.settings.get("model", "")), heads)


def save_small(
    network: nn.Module, target: Path | str, *, architecture: str, heads: Mapping[str, tuple[str, ...]]
) -> None:
    """Write the weights of a network to be fine-tuned: matrices in half precision, and what they belong to.

    Batch norms and biases stay in single precision: they are few, and their range is wide.

    Raises:
        OutputError: the file cannot be written.

    """
    state = {}
    for name, tensor in network.state_dict().items():
        half = tensor.dtype == torch.float32 and tensor.ndim > 1
        state[name] = tensor.detach().cpu().to(torch.float16 if half else tensor.dtype).contiguous()
    facts = {"architecture": architecture, "heads": {name: list(labels) for name, labels in heads.items()}}
    with atomic_write(target) as file:
        file.write(save(state, {FACTS_KEY: json.dumps(facts, ensure_ascii=False, sort_keys=True)}))


def save_weights(network: nn.Module, target: Path | str) -> None:
    """Write all weights and statistics of a network in one step.

    Raises:
        OutputError: the file cannot be written.

    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_write(target) as file:
        file.write(save(state))


def read_weights(path: Path | str) -> dict[str, Tensor]:
    """Tensors of a safetensors file.

    Raises:
        TrainError: missing, damaged, or of another format.

    """
    path = weights_file(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise TrainError(f"Cannot read the weights {path}: {error}; expected a whole safetensors file.") from error


def is_ours(path: Path | str) -> bool:
    """Whether a file holds weights of this project: safetensors with a trunk.

    Raises:
        TrainError: there is no such file, or a file of that name is damaged.

    """
    path = weights_file(path)
    return path.suffix == ".safetensors" and any(name.startswith(_TRUNK) for name in read_weights(path))


def load_weights(network: nn.Module, path: Path | str) -> None:
    """Load all weights of a network.

    Raises:
        TrainError: the file is damaged or belongs to another architecture.

    """
    _load(network, read_weights(path), path)


def load_trunk(network: nn.Module, path: Path | str) -> None:
    """Load the trunk, and every head that has the same name and size; other heads start anew.

    Raises:
        TrainError: the file is damaged, or its trunk is of another architecture.

    """
    state = read_weights(path)
    own = network.state_dict()
    heads = [k for k in own if k.startswith("heads.")]
    new = {k: state[k] if k in state and state[k].shape == own[k].shape else own[k] for k in heads}
    rest = {k: v for k, v in state.items() if not k.startswith("heads.")}
    _load(network, rest | new, path)


def mix_weights(network: nn.Module, path: Path | str, share: float) -> None:
    """Move a network's weights and statistics to the mean of its own and a file's, which weighs `share` in 0..1.

    Raises:
        TrainError: the file is damaged or belongs to another architecture, or to other heads.

    """
    own, other = network.state_dict(), read_weights(path)
    _check(own, other, path)
    mixed = {k: torch.lerp(v, other[k].to(v), share) if v.dtype.is_floating_point else v for k, v in own.items()}
    network.load_state_dict(mixed)


def _load(network: nn.Module, state: dict[str, Tensor], path: Path | str) -> None:
    _check(network.state_dict(), state, path)
    with torch.no_grad():
        network.load_state_dict(state)


def _check(own: Mapping[str, Tensor], state: Mapping[str, Tensor], path: Path | str) -> None:
    odd = sorted(own.keys() ^ state.keys()) or sorted(k for k in own if own[k].shape != state[k].shape)
    if odd:
        raise TrainError(
            f"The weights {path} belong to another architecture, size or colour: {odd[0]} differs "
            f"({len(odd)} of {len(own)} tensors)."
        )
