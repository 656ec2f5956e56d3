"""Self-contained HTML pages for reports: one style, no script, no other host, good on screen and on paper.

Lays out headings, tables, pictures and notes; what they say is up to each report.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from mien.core.files import atomic_write
from mien.draw.cards import CARDS_CSS

__all__ = ["facts", "figure_png", "figure_svg", "note", "page", "section", "table", "tiles", "write_page"]

_CSS = """
:root{color-scheme:light dark;--ink:#1c2326;--soft:#5b676d;--line:#d9dfe2;--paper:#fff;--wash:#f4f6f7;--accent:#2f6690}
@media (prefers-color-scheme:dark){:root{--ink:#e8edef;--soft:#9fabb1;--line:#36424a;--paper:#14191c;
--wash:#1d2428;--accent:#7fb3dc}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:68rem;padding:2rem 1.25rem 4rem;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .3rem}
h2{font-size:1.2rem;margin:2.4rem 0 .6rem;padding-top:.9rem;border-top:1px solid var(--line)}
.lead{color:var(--soft);margin:0 0 1.4rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.7rem;margin:1.2rem 0}
.tile{background:var(--wash);border-radius:.5rem;padding:.75rem .9rem}
.tile b{display:block;font-size:1.4rem;line-height:1.25;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:.85rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.6rem 0;min-width:50%}
th,td{text-align:right;padding:.32rem .7rem;border-bottom:1px solid var(--line);vertical-align:top}
th:first-child,td:first-child{text-align:left}
thead th{color:var(--soft);font-weight:600;font-size:.85rem;vertical-align:bottom}
td+td{white-space:nowrap}
.facts td{white-space:normal;text-align:left;overflow-wrap:anywhere}
.facts th{text-align:left}
.facts td:first-child{color:var(--soft);overflow-wrap:normal}
@media (min-width:40rem){.facts td:first-child{white-space:nowrap}}
figure{margin:1rem 0}figure img,figure svg{max-width:100%;height:auto;display:block}
figure svg[width$="pt"]{width:100%}
figure img{background:#fff;border-radius:.4rem}
figcaption{color:var(--soft);font-size:.9rem;margin-top:.35rem}
.note{background:var(--wash);border-left:3px solid var(--accent);padding:.6rem .9rem;margin:1rem 0}
footer{margin-top:3rem;color:var(--soft);font-size:.85rem}
@media print{body{max-width:none;padding:0;font-size:11pt}h2{break-after:avoid}figure,table,.tiles{break-inside:avoid}}
"""

_LAW = (
    "An expression is not an emotion: this describes how faces look, not how people feel. "
    "EU law (AI Act, Art. 5(1)(f)) forbids inferring emotions of people at work and in education."
)


def page(title: str, lead: str, body: str) -> str:
    """Whole HTML document; `title` and `lead` are plain text, `body` is made by the functions below."""
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_CSS}{CARDS_CSS}</style></head>"
        f'<body><main><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>{body}</main>'
        f"<footer>{escape(_LAW)}</footer></body></html>\n"
    )


def section(heading: str, *parts: str) -> str:
    """Heading (plain text) and ready parts below it."""
    return f"<section><h2>{escape(heading)}</h2>{''.join(parts)}</section>"


def note(text: str) -> str:
    """A paragraph that must not be missed; plain text."""
    return f'<p class="note">{escape(text)}</p>'


def tiles(values: Sequence[tuple[str, str]]) -> str:
    """Row of large figures: (what it is, the figure), both plain text."""
    cells = (f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for name, value in values)
    return f'<div class="tiles">{"".join(cells)}</div>'


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], caption: str = "") -> str:
    """Table of plain text; the first column is left-aligned, the others right."""
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in headers)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    text = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table>{text}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def facts(rows: Sequence[tuple[str, object]]) -> str:
    """What belongs beside the figures: (name, text) line by line, both left-aligned plain text."""
    body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(str(text))}</td></tr>" for name, text in rows)
    return f'<div class="scroll"><table class="facts"><tbody>{body}</tbody></table></div>'


def figure_png(png: bytes, alt: str, caption: str = "", width: int | None = None) -> str:
    """Picture inside the page, from the bytes of a PNG file; `width` in CSS pixels, else the picture's own."""
    data = base64.b64encode(png).decode("ascii")
    size = "" if width is None else f' style="width:{width}px"'
    return _figure(f'<img alt="{escape(alt, quote=True)}"{size} src="data:image/png;base64,{data}">', caption)


def figure_svg(svg: str, caption: str = "") -> str:
    """Drawing inside the page, from a whole <svg> element (which carries its own title for screen readers)."""
    return _figure(svg, caption)


def _figure(content: str, caption: str) -> str:
    text = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{content}{text}</figure>"


def write_page(path: Path | str, html: str) -> None:
    """Write a page under its final name in one step.

    Raises:
        OutputError: the folder does not exist or cannot be written.

    """
    with atomic_write(path, "w") as file:
        file.write(html)
