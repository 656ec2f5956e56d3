"""Which cells answer for which face, and how far their answers are off.

Assignment after SimOTA (Ge et al. 2021, "YOLOX"), over the cells around a face's centre only; the score's loss
after Zhang et al. 2021 ("VarifocalNet"); the box's loss after Zhang et al. 2022 ("Focal and efficient IOU loss").
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mien.learn.detector.config import STRIDES

__all__ = ["Losses", "Targets", "detection_loss"]

_AROUND = 1  # cells on each side of the centre's cell that may answer, per stride
_BEST = 10  # the IoU of this many candidates says how many cells answer
_BOX_WEIGHT, _POINT_WEIGHT, _SCORE_WEIGHT = 3.0, 1.0, 1.5
_SCALE_COST, _OUTSIDE_COST = 1.0, 4.0
_FIT = 3.0  # sizes fit a stride best at about so many strides
_NEGATIVE_ALPHA, _NEGATIVE_GAMMA = 0.75, 2.0
_POINT_BETA = 0.05
_TINY = 1e-6


@dataclass(frozen=True, eq=False)
class Targets:
    """Faces of a batch, one after the other.

    Args:
        picture: (G,) index of a face's picture in the batch.
        boxes: (G, 4) xyxy px.
        landmarks: (G, 5, 2) px, NaN where not to be learned.
        ignore: (I, 5) picture, xyxy px: regions that are neither face nor background.

    """

    picture: Tensor
    boxes: Tensor
    landmarks: Tensor
    ignore: Tensor


@dataclass(frozen=True, eq=False)
class Losses:
    """The sum and its weighted parts, scalars."""

    total: Tensor
    score: Tensor
    box: Tensor
    points: Tensor


def detection_loss(maps: list[Tensor], targets: Targets) -> Losses:
    """Loss of raw maps (N, 15, h, w) of the three strides against the faces of a batch."""
    flat = torch.cat([m.float().flatten(2).transpose(1, 2) for m in maps], 1)  # (N, A, 15)
    cells = _cells(maps)  # (A, 3): centre x, y, stride in px
    count = flat.shape[0] * flat.shape[1]
    rows = flat.reshape(count, -1)
    face, cell = _assign(rows, cells, maps, targets)
    wanted = torch.zeros(count)
    weight = torch.where(_ignored(cells, targets, flat.shape[0]).flatten(), 0.0, 1.0)
    number = max(len(cell), 1)
    box_loss = points_loss = rows.sum() * 0
    if len(cell):
        anchor = cells[cell % flat.shape[1]]
        boxes = _decode_boxes(rows[cell], anchor)
        overlap, eiou = _eiou(boxes, targets.boxes[face])
        box_loss = eiou.sum() / number
        points_loss = _points_loss(rows[cell], anchor, targets, face)
        wanted[cell] = overlap.detach().clamp(min=0.05).sqrt()
        weight[cell] = 1.0
    score_loss = (_varifocal(rows[:, 0], wanted) * weight).sum() / number
    parts = (_SCORE_WEIGHT * score_loss, _BOX_WEIGHT * box_loss, _POINT_WEIGHT * points_loss)
    return Losses(parts[0] + parts[1] + parts[2], *parts)


def _cells(maps: list[Tensor]) -> Tensor:
    rows = []
    for m, stride in zip(maps, STRIDES, strict=True):
        y, x = torch.meshgrid(torch.arange(m.shape[2]), torch.arange(m.shape[3]), indexing="ij")
        centre = (torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride
        rows.append(torch.cat([centre, torch.full((len(centre), 1), float(stride))], 1))
    return torch.cat(rows)


def _decode_boxes(rows: Tensor, anchor: Tensor) -> Tensor:
    """Boxes (..., 4) xyxy px of raw rows (..., 15) at cells (..., 3)."""
    stride = anchor[..., 2:3]
    centre = anchor[..., :2] + rows[..., 1:3] * stride
    half = rows[..., 3:5].clamp(max=6).exp() * stride / 2
    return torch.cat([centre - half, centre + half], -1)


def _candidates(maps: list[Tensor], targets: Targets) -> tuple[Tensor, Tensor]:
    """Cells around the centre of each face at every stride: row in the batch, and whether it exists; (G, C)."""
    centre = (targets.boxes[:, :2] + targets.boxes[:, 2:]) / 2
    near = torch.arange(-_AROUND, _AROUND + 1)
    dy, dx = (d.flatten() for d in torch.meshgrid(near, near, indexing="ij"))
    total = sum(m.shape[2] * m.shape[3] for m in maps)
    start, index, real = 0, [], []
    for m, stride in zip(maps, STRIDES, strict=True):
        height, width = m.shape[2:]
        cell = (centre / stride).floor().long()
        x, y = cell[:, :1] + dx, cell[:, 1:] + dy
        real.append((x >= 0) & (x < width) & (y >= 0) & (y < height))
        index.append(start + y.clamp(0, height - 1) * width + x.clamp(0, width - 1))
        start += height * width
    return torch.cat(index, 1) + targets.picture[:, None] * total, torch.cat(real, 1)


@torch.no_grad()
def _assign(rows: Tensor, cells: Tensor, maps: list[Tensor], targets: Targets) -> tuple[Tensor, Tensor]:
    """Pairs (face, row) of cells that answer for a face; a cell answers for one face at most."""
    if not len(targets.boxes):
        return torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long)
    index, real = _candidates(maps, targets)  # (G, C)
    anchor = cells[index % len(cells)]  # (G, C, 3)
    wanted = targets.boxes[:, None].expand(-1, index.shape[1], -1)
    overlap = _iou(_decode_boxes(rows[index], anchor), wanted) * real
    side = (wanted[..., 2:] - wanted[..., :2]).prod(-1).sqrt()
    misfit = torch.log2(side / (_FIT * anchor[..., 2])).abs()
    inside = ((anchor[..., :2] > wanted[..., :2]) & (anchor[..., :2] < wanted[..., 2:])).all(-1)
    cost = F.softplus(-rows[index][..., 0]) - 3 * overlap.clamp(min=1e-4).log()
    cost = cost + _SCALE_COST * misfit + _OUTSIDE_COST * ~inside + 1e6 * ~real
    number = overlap.topk(min(_BEST, overlap.shape[1]), 1).values.sum(1).long().clamp(min=1)  # (G,)
    rank = cost.argsort(1).argsort(1)
    chosen = (rank < number[:, None]) & real
    face, column = chosen.nonzero(as_tuple=True)
    return _one_face_each(face, index[face, column], cost[face, column])


def _one_face_each(face: Tensor, cell: Tensor, cost: Tensor) -> tuple[Tensor, Tensor]:
    """Keep for every cell the face that it costs least."""
    order = cost.argsort(descending=True)
    face, cell = face[order], cell[order]
    owner = torch.full((int(cell.max()) + 1,), -1)
    owner[cell] = torch.arange(len(cell))  # the last one written has the lowest cost
    kept = owner[owner >= 0]
    return face[kept], cell[kept]


def _ignored(cells: Tensor, targets: Targets, pictures: int) -> Tensor:
    """Whether a cell's centre lies in a region to ignore: (N, A)."""
    mask = torch.zeros(pictures, len(cells), dtype=torch.bool)
    for row in targets.ignore:
        x1, y1, x2, y2 = row[1:]
        grow = cells[:, 2] / 2
        inside = (cells[:, 0] > x1 - grow) & (cells[:, 0] < x2 + grow)
        mask[int(row[0])] |= inside & (cells[:, 1] > y1 - grow) & (cells[:, 1] < y2 + grow)
    return mask


def _iou(a: Tensor, b: Tensor) -> Tensor:
    shared = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared
    return shared / union.clamp(min=_TINY)


def _eiou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and loss of pairs of boxes (P, 4), each (P,)."""
    overlap = _iou(a, b)
    hull = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    apart = ((a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2).square().sum(1) / hull.square().sum(1).clamp(min=_TINY)
    shape = ((a[:, 2:] - a[:, :2] - b[:, 2:] + b[:, :2]).square() / hull.square().clamp(min=_TINY)).sum(1)
    return overlap, 1 - overlap + apart + shape


def _points_loss(rows: Tensor, anchor: Tensor, targets: Targets, face: Tensor) -> Tensor:
    points = targets.landmarks[face]  # (P, 5, 2)
    known = torch.isfinite(points).flatten(1).all(1)
    if not known.any():
        return rows.sum() * 0
    rows, anchor, points, boxes = rows[known], anchor[known], points[known], targets.boxes[face][known]
    guess = anchor[:, None, :2] + rows[:, 5:].reshape(-1, 5, 2) * anchor[:, None, 2:]
    side = (boxes[:, 2:] - boxes[:, :2]).prod(1).sqrt()[:, None, None]
    return F.smooth_l1_loss(guess / side, points / side, beta=_POINT_BETA, reduction="none").sum((1, 2)).mean()


def _varifocal(logits: Tensor, wanted: Tensor) -> Tensor:
    with torch.no_grad():
        score = logits.sigmoid()
        weight = torch.where(wanted > 0, wanted, _NEGATIVE_ALPHA * score**_NEGATIVE_GAMMA)
    return F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * weight
