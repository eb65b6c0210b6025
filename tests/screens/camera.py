"""Takes the pictures: each state in both themes and both widths, once it has come to rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page

WIDTHS = {1440: 900, 390: 844}  # and the height of each

Shoot = Callable[[str], None]


def pages(browser: Browser, out: Path, *, zoomed: bool = False) -> Iterator[tuple[Page, Shoot, bool]]:
    """A page for each theme and width, what takes a picture of it by name, and whether it is narrow.

    Args:
        browser: To open them in.
        out: Folder for ``NAME-THEME-WIDTH.png``.
        zoomed: Whether the browser is zoomed to 200 %: half the room, each point twice as large.
    """
    for theme in ("light", "dark"):
        for width, height in WIDTHS.items():
            if zoomed and width < 900:
                continue  # a phone is not zoomed
            share = 2 if zoomed else 1
            page = browser.new_page(
                viewport={"width": width // share, "height": height // share},
                device_scale_factor=share,
                color_scheme="dark" if theme == "dark" else "light",
                reduced_motion="reduce",
            )
            yield page, _camera(page, out, theme, width), width < 900
            page.close()


def _camera(page: Page, out: Path, theme: str, width: int) -> Shoot:
    def shoot(name: str) -> None:
        page.wait_for_timeout(400)  # what moves has come to rest
        page.screenshot(path=out / f"{name}-{theme}-{width}.png")

    return shoot
