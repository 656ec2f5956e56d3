"""Doubted labels as a page to look at: the most doubted pictures, pair of classes by pair."""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path

from PIL import Image

from mien.core.text import counted
from mien.data.doubts import Doubts
from mien.data.manifest import Manifest
from mien.draw.cards import Card, cards
from mien.draw.page import note, page, section, tiles
from mien.evaluate.gallery import PRIVACY, bars_of

__all__ = ["doubts_page"]

_PAIRS, _PER_PAIR = 12, 6
_SIDE = 96  # px of the crops that are shown


def doubts_page(manifest: Manifest, doubts: Doubts, *, pairs: int = _PAIRS, each: int = _PER_PAIR) -> str:
    """The page as HTML.

    Args:
        manifest: N pictures, those that were looked at.
        doubts: what was found.
        pairs: at most so many pairs of given and suggested label, the most frequent ones.
        each: at most so many pictures of each, the most doubted ones.

    Raises:
        DataError: a picture cannot be read.

    """
    kinds = list(zip(doubts.label[doubts.rows].tolist(), doubts.suggested.tolist(), strict=True))
    counts = Counter(kinds)
    shown = [_pair(manifest, doubts, kinds, pair, each) for pair, _ in counts.most_common(pairs)]
    body = [
        tiles(
            [
                ("labels looked at", f"{len(doubts.label):,}"),
                ("doubted", f"{len(doubts.rows):,}"),
                ("share", f"{doubts.share * 100:.1f} %"),
            ]
        ),
        note(f"{PRIVACY}. Without --report there is a table only."),
        section(
            "How to read it",
            "<p>Blue is the given label, red the suggested one. A doubt is a reason to look, not a verdict: rare and "
            "unusual pictures are doubted too. Decide in the table, in its column <b>decision</b>.</p>",
        ),
        *shown,
    ]
    return page(
        "Doubted labels", f"{counted(len(doubts.rows), 'picture')} of {Path(manifest.source).name}", "".join(body)
    )


def _pair(manifest: Manifest, doubts: Doubts, kinds: list[tuple[int, int]], pair: tuple[int, int], each: int) -> str:
    label, to = pair
    names = manifest.labels.names
    rows = [int(row) for row, kind in zip(doubts.rows, kinds, strict=True) if kind == pair]
    items = []
    for row, crop in zip(rows[:each], manifest.crops(rows[:each], _SIDE), strict=True):
        bars = bars_of(names, doubts.probabilities[row], label, to)
        items.append(Card([(Image.fromarray(crop), f"labelled {names[label]}")], str(manifest.names[row]), bars))
    heading = f"{names[label]}, or {names[to]}?"
    return section(heading, f"<p>{escape(counted(len(rows), 'picture'))}</p>", cards(items))
