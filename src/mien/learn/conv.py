"""A 3x3 convolution whose weights get their gradient from one product of matrices, where that is the faster way.

oneDNN's own gradient of wide convolutions over small maps takes three times as long in bfloat16 on a processor with
matrix units: 20 ms against 8 for 128 pictures, 256 channels, 6x6 (Xeon with AMX, one thread); on larger maps it wins.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Conv3x3"]

_WIDE = 256  # channels from which on the product is the faster way
_SMALL = 64  # cells of the map up to which it is


@final
class Conv3x3(nn.Conv2d):
    """`nn.Conv2d` with a 3x3 kernel, stride 1, a border of 1 and no bias; (N, C, H, W) -> (N, D, H, W).

    The same values as `nn.Conv2d` to bfloat16's precision, and the same entries in a file of weights.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, D, H, W)."""
        quick = self.in_channels >= _WIDE and input.shape[-1] * input.shape[-2] <= _SMALL
        if self.training and quick and input.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            out: Tensor = _Product.apply(input.to(dtype), self.weight.to(dtype))
            return out
        return super().forward(input)


class _Product(torch.autograd.Function):
    """Convolution whose weights' gradient is a product with the map's nine shifted copies."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return functional.conv2d(x, weight, padding=1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        grad = grads[0]
        stride, border = [1, 1], [1, 1]
        back = torch.ops.aten.convolution_backward(
            grad, x, weight, None, stride, border, [1, 1], False, [0, 0], 1, [True, False, False]
        )[0]
        height, width = x.shape[-2:]
        padded = functional.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
        shifted = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
        rows = torch.cat(shifted, dim=-1).reshape(-1, 9 * x.shape[1])
        columns = grad.permute(0, 2, 3, 1).reshape(-1, grad.shape[1])
        product = torch.mm(columns.t(), rows).view(grad.shape[1], 3, 3, x.shape[1])
        return back, product.permute(0, 3, 1, 2)
