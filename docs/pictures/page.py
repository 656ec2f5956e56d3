"""Takes pictures of the page: every tab, on a phone and on a screen, in both themes; and the two of the README.

    python docs/pictures/page.py FOLDER [--readme]

Faces are read on the device (`mien page pull` first) on the page's own examples, two photographs in the public domain
and a drawn clip. FOLDER gets TAB-WIDTH-THEME.png; `--readme` writes page-live.png and page-model.png beside this
script instead.
Needs Chromium and playwright; run it from the root of the repository.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from serving import serve

_HERE = Path(__file__).parent
_SIZES = {375: 812, 1440: 900}  # px: a telephone, a screen
_THEMES = ("light", "dark")
_COLOURS = 200  # of the README's pictures: a third of the bytes; rare colours move a little
_STRIP_S = 20  # that the strip has run before its picture is taken
_READING = {
    "live": ("#trylive", "#faces .face:nth-child(2)"),
    "photo": ("#tryphoto", "#photocards .photo:nth-child(2)"),
    "video": ("#tryvideo", "#videoresult svg"),
    "session": ("#sessiontoggle", "#sessionresult .person"),
}
"""What is clicked on a tab, and what it then shows."""


@contextmanager
def _served(*arguments: str) -> Iterator[str]:
    """Address of a service in a process of its own."""
    process, port = serve(*arguments)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait()


def _open(browser: Any, address: str, width: int, height: int, theme: str) -> Any:
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=theme, service_workers="block", locale="en-GB"
    )
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_selector("html[data-ready]", state="attached")
    return page


def _fill(page: Any, tab: str) -> None:
    """Show a tab with what it shows after it was used."""
    page.click(f"#tab-{tab}")
    if tab in _READING:
        button, shown = _READING[tab]
        page.click(button)
        page.wait_for_selector(shown)
        page.wait_for_timeout(4000 if tab == "live" else 500)


def all_tabs(browser: Any, address: str, out: Path) -> None:
    """Each tab, as it is empty and as it is used."""
    out.mkdir(parents=True, exist_ok=True)
    for width, height in _SIZES.items():
        for theme in _THEMES:
            page = _open(browser, address, width, height, theme)
            tabs = page.eval_on_selector_all("[role=tab]:not([hidden])", "all => all.map((tab) => tab.id.slice(4))")
            for tab in tabs:
                page.click(f"#tab-{tab}")
                page.screenshot(path=out / f"{tab}-empty-{width}-{theme}.png", full_page=True)
            for tab in tabs:
                _fill(page, tab)
                page.screenshot(path=out / f"{tab}-{width}-{theme}.png", full_page=True)
            page.context.close()


def for_the_readme(browser: Any) -> None:
    """The Live tab after some seconds with a moment of the strip read, and the Model tab of `fer2013`."""
    with _served() as address:
        page = _open(browser, address, 1280, 740, "light")
        _fill(page, "live")
        page.wait_for_timeout(_STRIP_S * 1000)
        page.hover("#strip", position={"x": 700, "y": 30})
        _save(page.screenshot(), "page-live.png")
        page.context.close()
    with _served("--model", "fer2013") as address:
        page = _open(browser, address, 1280, 980, "dark")
        _fill(page, "model")
        page.locator("h2", has_text="How well it was measured").evaluate("(title) => title.scrollIntoView()")
        page.wait_for_timeout(500)
        _save(page.screenshot(), "page-model.png")


def _save(data: bytes, name: str) -> None:
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(_HERE / name, optimize=True)


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("pictures-of-the-page"))
    parser.add_argument("--readme", action="store_true")
    given = parser.parse_args()
    os.environ["MIEN_TOKEN"] = ""  # the service must not ask for one
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        if given.readme:
            for_the_readme(browser)
        else:
            with _served() as address:
                all_tabs(browser, address, given.folder)
        browser.close()


if __name__ == "__main__":
    main()
