"""What one open tab shows of the page: only what changed is sent, and what was lost is sent again.

An update can be lost between server and browser, or come in after a younger one: each answer to the
browser is delivered on its own. So every part carries the revision of its HTML, the tab reports once a
second which revisions it shows (see ``pulse.py``), and whatever differs goes out again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Shown:
    """The HTML of each part that a tab has, as far as the server knows, and its revision."""

    html: dict[str, str] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)  # hashed once, not with every beat

    def changes(self, html: Mapping[str, str]) -> dict[str, str]:
        """Those parts whose HTML the tab does not have, each with its revision in it.

        Args:
            html: Part -> HTML as it is now; "" for a part that shows nothing.
        """
        changed = {name: text for name, text in html.items() if self.html.get(name) != text}
        self.html |= changed
        self.revisions |= {name: _revision(text) for name, text in changed.items()}
        return {name: _stamped(name, text, self.revisions[name]) for name, text in changed.items()}

    def lacking(self, html: Mapping[str, str], reported: Mapping[str, object]) -> set[str]:
        """The parts that the tab shows otherwise than it should.

        Args:
            html: Part -> HTML as it is now.
            reported: As in ``correct``.
        """
        return {
            name
            for name, text in html.items()
            if self.html.get(name) != text or reported.get(name, "") != self.revisions[name]
        }

    def correct(self, reported: Mapping[str, object]) -> None:
        """Take the tab's word for what it shows.

        Args:
            reported: Part -> revision, without the parts that are empty.
        """
        for name, revision in list(self.revisions.items()):
            if reported.get(name, "") != revision:
                self.html.pop(name, None)  # another beat may have come to the same conclusion


@dataclass(slots=True)
class Doubt:
    """Whether a tab shows another conversation than it should, and not only for the blink of an update."""

    wrong: str = ""  # what the tab showed at the last report, if that was not what it should show
    mended: str = ""  # the wrong report that was answered already

    def due(self, reported: str, expected: str) -> bool:
        """Whether the conversation should be sent again: two reports in turn were wrong alike.

        It is sent once for each such pair, so a page that counts otherwise is not drawn again for ever.
        """
        if reported == expected:
            self.wrong = self.mended = ""
            return False
        lasting = reported == self.wrong
        self.wrong = reported
        if not lasting or reported == self.mended:
            return False
        self.mended = reported
        return True


def _revision(html: str) -> str:
    return hashlib.sha256(html.encode("utf-8", "surrogatepass")).hexdigest()[:16] if html else ""


def _stamped(name: str, html: str, revision: str) -> str:
    # A template is inert and takes no room; it stands last, so no rule for a first child sees it.
    return f'{html}<template data-part="{name}" data-revision="{revision}"></template>' if html else ""
