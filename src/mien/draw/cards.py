"""Cards for reports: a picture with a second one beside it, and bars of what a model said of it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image

__all__ = ["CARDS_CSS", "Bar", "Card", "cards"]

CARDS_CSS = """
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:.9rem;margin:.6rem 0 1.4rem}
.card{border:1px solid var(--line);border-radius:.5rem;padding:.7rem;background:var(--wash);break-inside:avoid}
.card .pair{display:flex;gap:.5rem}
.card .pair figure{margin:0;flex:1;min-width:0}
.card .pair img{width:100%;aspect-ratio:1;border-radius:.3rem}
.card .pair figure:only-child{max-width:60%}
.card figcaption{font-size:.75rem;margin:.15rem 0 0}
.card .name{font-size:.78rem;color:var(--soft);margin:.45rem 0 .35rem;overflow-wrap:anywhere;
display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden}
.bars{display:grid;grid-template-columns:max-content 1fr max-content;gap:.1rem .5rem;align-items:center;
font-size:.78rem;line-height:1.35;font-variant-numeric:tabular-nums}
.bars i{display:block;height:.55rem;border-radius:.2rem;background:var(--soft);opacity:.55;min-width:1px}
.bars .said{color:#d1495b;font-weight:600}.bars i.said{background:#d1495b;opacity:1}
.bars .true{color:var(--accent);font-weight:600}.bars i.true{background:var(--accent);opacity:1}
.bars span:nth-child(3n){text-align:right;color:var(--soft);font-weight:400}
h3{font-size:1rem;margin:1.3rem 0 .3rem}h3 small{font-weight:400;color:var(--soft)}
"""
"""Style of the cards; it belongs into the head of the page."""

_SIDE = 144  # px of a picture in the page
_QUALITY = 88  # of its JPEG


@dataclass(frozen=True)
class Bar:
    """A probability in 0..1 with its name; `kind` is "true" for the label, "said" for the answer, else ""."""

    name: str
    value: float
    kind: str = ""


@dataclass(frozen=True, eq=False)
class Card:
    """One picture: pairs of an image and what it is, the name below, and bars."""

    images: Sequence[tuple[Image.Image, str]]
    name: str
    bars: Sequence[Bar]


def cards(items: Sequence[Card]) -> str:
    """Cards side by side as HTML; texts are plain text."""
    return f'<div class="cards">{"".join(map(_card, items))}</div>'


def _card(card: Card) -> str:
    pair = "".join(
        f'<figure><img alt="{escape(what, quote=True)}" src="{_address(image)}">'
        f"<figcaption>{escape(what)}</figcaption></figure>"
        for image, what in card.images
    )
    bars = "".join(map(_bar, card.bars))
    name = escape(card.name)
    return (
        f'<div class="card"><div class="pair">{pair}</div><div class="name" title="{escape(card.name, quote=True)}">'
        f'{name}</div><div class="bars">{bars}</div></div>'
    )


def _bar(bar: Bar) -> str:
    kind = f' class="{bar.kind}"' if bar.kind else ""
    return (
        f'<span{kind}>{escape(bar.name)}</span><i{kind} style="width:{bar.value * 100:.1f}%"></i>'
        f"<span>{bar.value * 100:.1f} %</span>"
    )


def _address(image: Image.Image) -> str:
    """The picture inside the page, so that the page needs no other file."""
    buffer = io.BytesIO()
    image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
