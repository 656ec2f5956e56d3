"""The convolution whose weights' gradient is a product of matrices."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mien.learn.conv import Conv3x3


@pytest.mark.parametrize(("channels", "side"), [(256, 6), (256, 3), (64, 6), (256, 12)])
def test_gradients(channels: int, side: int) -> None:
    """Values and gradients must be those of torch's own convolution, to bfloat16's precision."""
    torch.manual_seed(0)
    quick, plain = Conv3x3(channels, 32), nn.Conv2d(channels, 32, 3, padding=1, bias=False)
    plain.load_state_dict(quick.state_dict())
    x = torch.randn(4, channels, side, side).contiguous(memory_format=torch.channels_last)
    seen = []
    for conv in (quick.train(), plain):
        given = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            out = conv(given)
        (out.float().square().sum() / out.numel()).backward()
        assert given.grad is not None
        assert conv.weight.grad is not None
        seen.append((out.detach().float(), given.grad, conv.weight.grad))
    for mine, theirs in zip(*seen, strict=True):
        assert float((mine - theirs).norm() / theirs.norm()) < 0.01


def test_exact_elsewhere() -> None:
    """Without autocast the two must be the same function, in training too."""
    torch.manual_seed(0)
    quick, plain = Conv3x3(256, 8), nn.Conv2d(256, 8, 3, padding=1, bias=False)
    plain.load_state_dict(quick.state_dict())
    x = torch.randn(2, 256, 6, 6)
    torch.testing.assert_close(quick(x), plain(x))
