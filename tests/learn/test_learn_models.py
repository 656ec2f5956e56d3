"""Networks: the shapes they take and give, normalisation inside, freezing, weights, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mien.core.errors import OptionError, StoreError, TrainError
from mien.learn.backbones import build_backbone
from mien.learn.freeze import apply_freeze, layers_of
from mien.learn.models import Network, build, count_macs, count_parameters, default_size
from mien.learn.nets import OWN_NETS
from mien.learn.weights import load_weights, save_weights


@pytest.mark.parametrize("name", OWN_NETS)
@pytest.mark.parametrize("color", ["gray", "rgb"])
def test_own_nets(name: str, color: str) -> None:
    """Every own net must take grey and colour crops of its size and give logits per head."""
    net = build(name, {"labels": 7, "votes": 8}, size=24, color=color).eval()  # type: ignore[arg-type]
    shape = (2, 24, 24) if color == "gray" else (2, 24, 24, 3)
    with torch.no_grad():
        out = net(torch.randint(0, 256, shape, dtype=torch.uint8))
    assert {k: tuple(v.shape) for k, v in out.items()} == {"labels": (2, 7), "votes": (2, 8)}


def test_budget_of_the_shipped_net() -> None:
    """The net that ships must keep to its budget: 75 million multiply-adds, 1.5 million parameters."""
    net = build("mien-s", {"labels": 7}, size=48)
    assert count_macs(net, 48, "gray") <= 75e6
    assert count_parameters(net) <= 1.5e6


def test_macs_by_hand() -> None:
    """Multiply-adds of a net that can be counted by hand: 24*24*512 + 512*256 + 256*128 + 128*7."""
    assert count_macs(build("ann", {"labels": 7}, size=24), 24, "gray") == 294_912 + 131_072 + 32_768 + 896


def test_standardised_inside() -> None:
    """Brightness and contrast of the whole picture must not matter to the own nets, and a blank picture must not
    break them.
    """
    net = build("mien-xs", {"labels": 3}, size=24).eval()
    x = torch.rand(2, 24, 24) * 80 + 20
    with torch.no_grad():
        assert torch.allclose(net(x)["labels"], net(x * 2 + 10)["labels"], atol=0.05)
        assert torch.isfinite(net(torch.full((1, 24, 24), 255.0))["labels"]).all()


@pytest.mark.parametrize("name", ["mobilenetv2", "timm:resnet18"])
def test_backbones_on_small_crops(name: str) -> None:
    """timm's nets must take small crops without shrinking them to a pixel or two, grey or colour."""
    maps: list[int] = []
    net = build(name, {"labels": 7}, size=48).eval()
    for module in net.trunk.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda _m, _i, out: maps.append(out.shape[-1]))
    with torch.no_grad():
        assert net(torch.zeros(2, 48, 48, dtype=torch.uint8))["labels"].shape == (2, 7)
    assert maps[-1] >= 3
    assert default_size(name) == 224


def test_backbone_normalisation() -> None:
    """A timm net keeps timm's normalisation; grey takes the mean over the channels."""
    _, mean, std = build_backbone("timm:resnet18", 3, 32)
    assert mean == pytest.approx((0.485, 0.456, 0.406))
    assert std == pytest.approx((0.229, 0.224, 0.225))
    _, grey, _ = build_backbone("timm:resnet18", 1, 32)
    assert grey == pytest.approx((0.449,))


@pytest.mark.parametrize(
    ("name", "message"),
    [("mobilenet2", "Did you mean 'mobilenetv2'"), ("timm:resnet81", "Did you mean 'resnet18'")],
)
def test_unknown_names(name: str, message: str) -> None:
    """An unknown name must get the nearest one."""
    with pytest.raises(OptionError, match=message):
        build(name, {"labels": 7}, size=48)


def test_pretrained_without_internet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Weights that cannot be fetched must end in one sentence that says what to do."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(StoreError, match="--weights"):
        build("mobilenetv2", {"labels": 7}, size=48, pretrained=True)
    with pytest.raises(OptionError, match="no weights to fetch for mien-s"):
        build("mien-s", {"labels": 7}, size=48, pretrained=True)


def test_local_weights(tmp_path: Path) -> None:
    """A local file: of a run for any net, of timm for a timm net; anything else is refused with a sentence."""
    first = build("mien-xs", {"labels": 7}, size=24)
    save_weights(first, tmp_path / "run.safetensors")
    other = build("mien-xs", {"labels": 3}, size=24, weights=tmp_path / "run.safetensors")
    assert torch.equal(first.trunk.layers[0][0].weight, other.trunk.layers[0][0].weight)  # type: ignore[union-attr,index]
    import timm

    donor = timm.create_model("resnet18", num_classes=5)
    torch.save(donor.state_dict(), tmp_path / "timm.pth")
    taken = build("timm:resnet18", {"labels": 7}, size=48, color="rgb", weights=tmp_path / "timm.pth")
    assert torch.equal(taken.trunk.net.layer1[0].conv1.weight, donor.layer1[0].conv1.weight)  # type: ignore[union-attr,index]
    with pytest.raises(TrainError, match="another architecture"):
        build("cnn", {"labels": 7}, size=24, weights=tmp_path / "run.safetensors")
    with pytest.raises(TrainError, match="There is no file of weights"):
        build("cnn", {"labels": 7}, size=24, weights=tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"not weights")
    with pytest.raises(TrainError, match="Cannot read the weights"):
        load_weights(first, tmp_path / "bad.safetensors")
    (tmp_path / "bad.pth").write_bytes(b"not weights")
    with pytest.raises(TrainError, match="do not fit"):
        build("timm:resnet18", {"labels": 7}, size=48, weights=tmp_path / "bad.pth")


def learning(net: Network) -> list[bool]:
    """Whether each layer of the trunk learns."""
    return [all(p.requires_grad for p in layer.parameters(recurse=False)) for layer in layers_of(net)]


def test_freeze() -> None:
    """Freezing: the head alone, the last N layers, or nothing; frozen batch norms keep their statistics."""
    net = build("mien-xs", {"labels": 3}, size=24)
    n = len(layers_of(net))
    apply_freeze(net, "head-only")
    assert learning(net) == [False] * n
    assert all(p.requires_grad for p in net.heads.parameters())
    before = net.trunk.layers[0][1].running_mean.clone()  # type: ignore[union-attr,index,operator]
    net(torch.rand(4, 24, 24) * 255)
    assert torch.equal(before, net.trunk.layers[0][1].running_mean)  # type: ignore[union-attr,index,arg-type]
    apply_freeze(net, "2")
    assert learning(net) == [False] * (n - 2) + [True] * 2
    apply_freeze(net, "none")
    assert learning(net) == [True] * n


def test_pretrained_where_nobody_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without internet the hub's own client would try for minutes; nobody at its address is noticed at once."""
    import huggingface_hub.constants

    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "https://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(StoreError, match="does not answer.*--weights"):
        build("mobilenetv2", {"labels": 7}, size=48, pretrained=True)
