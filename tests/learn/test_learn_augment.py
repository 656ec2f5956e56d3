"""Random changes of pictures: exact where they can be, within bounds elsewhere."""

from __future__ import annotations

import pytest
import torch

from mien.core.errors import OptionError
from mien.learn.augment import PRESETS, Augmentation, augment, augmentation, mixup


@pytest.fixture
def pictures() -> torch.Tensor:
    """Eight pictures of 20 px with a bright left half: (8, 1, 20, 20) in 0..255."""
    torch.manual_seed(0)
    x = torch.full((8, 1, 20, 20), 40.0)
    x[..., :10] = 200.0
    return x


def test_none_changes_nothing(pictures: torch.Tensor) -> None:
    """The preset "none" must leave every pixel alone."""
    assert torch.equal(augment(pictures, PRESETS["none"]), pictures)


@pytest.mark.parametrize("how", [Augmentation(flip=1.0), Augmentation(flip=1.0, shift=1e-9)])
def test_flip_mirrors(pictures: torch.Tensor, how: Augmentation) -> None:
    """A flip with chance 1 is the mirror image, also when it goes through the resampling of a shift of 0."""
    assert torch.allclose(augment(pictures, how), pictures.flip(3), atol=1e-3)


def test_shift_is_bounded(pictures: torch.Tensor) -> None:
    """A shift moves the edge between the halves by at most its share of the side."""
    moved = augment(pictures, Augmentation(shift=0.2))
    edge = (moved > 120).sum(dim=3).float()  # bright columns per row, 10 before
    assert edge.min() >= 6
    assert edge.max() <= 14
    assert edge.std() > 0


def test_rotation_is_in_degrees() -> None:
    """Turning by degrees: a dot right of the centre, turned by at most 45 degrees, must stay right of the centre."""
    torch.manual_seed(1)
    x = torch.zeros(64, 1, 41, 41)
    x[..., 18:23, 34:39] = 255.0
    turned = augment(x, Augmentation(rotate=45))
    rows = torch.arange(41.0)
    columns = (turned.sum(dim=(1, 2)) * rows).sum(dim=1) / turned.sum(dim=(1, 2, 3))
    heights = (turned.sum(dim=(1, 3)) * rows).sum(dim=1) / turned.sum(dim=(1, 2, 3))
    assert columns.min() > 30
    assert heights.std() > 4


@pytest.mark.parametrize("name", [n for n in PRESETS if n != "none"])
@pytest.mark.parametrize("channels", [1, 3])
def test_presets(pictures: torch.Tensor, name: str, channels: int) -> None:
    """Every preset must keep shape and range, change pictures, and give the same for the same seed."""
    x = pictures.expand(-1, channels, -1, -1)
    torch.manual_seed(5)
    first = augment(x, PRESETS[name])
    torch.manual_seed(5)
    assert torch.equal(first, augment(x, PRESETS[name]))
    assert first.shape == x.shape
    assert first.min() >= 0
    assert first.max() <= 255
    assert not torch.equal(first, x)


@pytest.mark.parametrize("what", ["gamma", "noise"])
def test_corrupted_is_a_chance(what: str) -> None:
    """ "corrupted" is the chance of gamma and of noise, each separately: 0.25 of 400 pictures is 100 +- 26 (3
    deviations).
    """
    torch.manual_seed(4)
    x = torch.full((400, 1, 8, 8), 90.0)
    changed = (augment(x, Augmentation(**{what: 2.0, "corrupted": 0.25})) != x).any(dim=3).any(dim=2).sum()
    assert 74 <= int(changed) <= 126
    assert torch.equal(augment(x, Augmentation(**{what: 2.0, "corrupted": 0.0})), x)


def test_corrupted_by_default() -> None:
    """With "corrupted" at 1 every picture gets gamma and noise, and nothing is drawn for it, so old recipes keep
    theirs.
    """
    x = torch.full((50, 1, 8, 8), 90.0)
    torch.manual_seed(6)
    changed = augment(x, Augmentation(noise=5.0))
    torch.manual_seed(6)
    torch.rand(50, 1, 1, 1)  # who is mirrored, drawn also where nobody is
    noise = torch.randn_like(x)
    by_hand = (x + noise * (torch.rand(50, 1, 1, 1) * 5.0)).clamp(0, 255)
    assert torch.allclose(changed, by_hand)
    assert bool((changed != x).any(dim=3).any(dim=2).all())


def test_erase() -> None:
    """Erasing blots out between 2 and 20 per cent of a picture with one grey level."""
    torch.manual_seed(2)
    x = torch.full((200, 1, 48, 48), -1.0)
    from mien.learn.augment import _erase

    share = (_erase(x, 1.0) >= 0).float().mean(dim=(1, 2, 3))
    assert share.min() > 0.01
    assert share.max() < 0.23
    assert _erase(x, 0.0).max() == -1


def test_mixup_mixes_targets_alike() -> None:
    """Mixup must mix pictures and targets by the same share, so that their sums stay."""
    torch.manual_seed(3)
    x = torch.arange(6.0).view(6, 1, 1, 1)
    targets = torch.eye(6)
    mixed, out = mixup(x, {"labels": targets}, 0.4)
    assert torch.allclose(out["labels"].sum(dim=1), torch.ones(6))
    assert torch.allclose(mixed.view(6), out["labels"] @ torch.arange(6.0), atol=1e-5)
    assert not torch.equal(mixed, x)
    same, _ = mixup(x, {"labels": targets}, 0.0)
    assert torch.equal(same, x)


def test_errors() -> None:
    """An unknown preset or value is named with the nearest one, an impossible value with its range."""
    with pytest.raises(OptionError, match="Did you mean 'standard'"):
        augmentation("standart")
    with pytest.raises(OptionError, match="Did you mean 'rotate'"):
        augmentation("light", {"rotat": 3})
    with pytest.raises(OptionError, match="must be in 0..1"):
        augmentation("light", {"flip": 1.5})
    with pytest.raises(OptionError, match="must be a number"):
        augmentation("light", {"flip": True})
    assert augmentation("light", {"rotate": 3.0}).rotate == 3.0
