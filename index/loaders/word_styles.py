"""What Word keeps beside the text: which style is a heading, and the labels of numbered lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from index.loaders.xml_parts import attribute, child, local, path

_LEVELS = 9
_MAX_LABEL_CHARS = 40


def is_on(switch: Element | None) -> bool:
    """Whether an on/off property is there and not switched off."""
    return switch is not None and attribute(switch, "val") not in ("0", "false", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What a paragraph style means to a reader of text; ``number`` is (list id, list level)."""

    level: int | None = None  # of a heading, 1 to 9
    is_title: bool = False
    hidden: bool = False
    number: tuple[str | None, str | None] = (None, None)


class Styles:
    """Paragraph styles by id; a style inherits from the one that it is based on."""

    def __init__(self, root: Element | None) -> None:
        self._elements: dict[str, Element] = {}
        self._known: dict[str, Style] = {}
        self._default: str | None = None
        for element in root if root is not None else ():
            style_id = attribute(element, "styleId")
            if local(element) != "style" or style_id is None:
                continue
            self._elements[style_id] = element
            if attribute(element, "type") == "paragraph" and attribute(element, "default") in ("1", "true"):
                self._default = style_id

    def of(self, style_id: str | None) -> Style:
        """The style of that id; None asks for the default one."""
        style_id = style_id or self._default
        if style_id is None:
            return Style()
        if style_id not in self._known:
            self._known[style_id] = self._resolve(style_id)
        return self._known[style_id]

    def _resolve(self, style_id: str) -> Style:
        chain: list[Element] = []
        seen: set[str] = set()
        following: str | None = style_id
        while following is not None and following not in seen and len(chain) < 20:
            seen.add(following)
            element = self._elements.get(following)
            if element is None:
                break
            chain.append(element)
            following = attribute(child(element, "basedOn"), "val")
        level: int | None = None
        hidden = False
        number: tuple[str | None, str | None] = (None, None)
        for element in reversed(chain):
            own = _heading_level(element)
            level = own if own is not None else level
            if level == 0:
                level = None
            vanish = path(element, "rPr", "vanish")
            hidden = is_on(vanish) if vanish is not None else hidden
            numbers = path(element, "pPr", "numPr")
            if numbers is not None:
                number = (
                    attribute(child(numbers, "numId"), "val") or number[0],
                    attribute(child(numbers, "ilvl"), "val") or number[1],
                )
        name = attribute(child(chain[0], "name"), "val") if chain else None
        return Style(level=level, is_title=(name or "").lower() == "title", hidden=hidden, number=number)


def _heading_level(style: Element) -> int | None:
    """The level that a style sets itself; 0 when it says that it is no heading, None when it says nothing."""
    name = (attribute(child(style, "name"), "val") or "").lower()
    if name.startswith("heading ") and name[8:] in {"1", "2", "3", "4", "5", "6", "7", "8", "9"}:
        return int(name[8:])
    outline = attribute(path(style, "pPr", "outlineLvl"), "val")
    if outline is None:
        return None
    return int(outline) + 1 if outline in {"0", "1", "2", "3", "4", "5", "6", "7", "8"} else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    start: int
    form: str  # "bullet", "decimal", "lowerLetter", ...
    pattern: str  # "%1.%2."


class Numbering:
    """Labels of list items: Word stores only which list a paragraph is in and counts when it shows them."""

    def __init__(self, root: Element | None) -> None:
        lists: dict[str, dict[int, _Level]] = {}
        self._levels: dict[str, dict[int, _Level]] = {}  # by numId
        self._counter_of: dict[str, str] = {}  # numId → key of its counters
        self._counters: dict[str, list[int | None]] = {}
        for element in root if root is not None else ():
            name = local(element)
            if name == "abstractNum":
                lists[attribute(element, "abstractNumId") or ""] = _levels(element)
            elif name == "num":
                number = attribute(element, "numId") or ""
                base = attribute(child(element, "abstractNumId"), "val") or ""
                levels = dict(lists.get(base, {}))
                overrides = [entry for entry in element if local(entry) == "lvlOverride"]
                for override in overrides:
                    levels.update(_overridden(override, levels))
                self._levels[number] = levels
                # Lists of one definition count on together; one that restarts has counters of its own.
                self._counter_of[number] = f"num {number}" if overrides else f"list {base}"

    def label(self, number: str | None, level: str | None) -> str:
        """The label of the next item, counting it; "-" for bullets, "" outside lists.

        Args:
            number: ``numId`` of the paragraph; None or "0": not in a list.
            level: ``ilvl``, "0" is the outermost.
        """
        if number is None or number == "0" or number not in self._levels:
            return ""
        levels = self._levels[number]
        depth = int(level) if level and level.isascii() and level.isdigit() and len(level) == 1 else 0
        own = levels.get(depth)
        if own is None or depth >= _LEVELS:
            return ""
        if own.form == "bullet":
            return "-"
        counters = self._counters.setdefault(self._counter_of[number], [None] * _LEVELS)
        current = counters[depth]
        counters[depth] = own.start if current is None else current + 1
        counters[depth + 1 :] = [None] * (_LEVELS - depth - 1)
        label = own.pattern
        for above in range(depth + 1):
            shape = levels.get(above, own)
            count = counters[above]
            if count is None:  # an item whose outer level was never shown
                count = counters[above] = shape.start
            label = label.replace(f"%{above + 1}", _formatted(count, shape.form))
        return label.strip()[:_MAX_LABEL_CHARS]

    def state(self) -> Mapping[str, list[int | None]]:
        """The counters, to go back to."""
        return {key: list(counters) for key, counters in self._counters.items()}

    def restore(self, state: Mapping[str, list[int | None]]) -> None:
        """Go back to an earlier state."""
        self._counters = dict(state)


def _levels(element: Element) -> dict[int, _Level]:
    found: dict[int, _Level] = {}
    for level in element:
        depth = attribute(level, "ilvl") or ""
        if local(level) == "lvl" and depth in {"0", "1", "2", "3", "4", "5", "6", "7", "8"}:
            found[int(depth)] = _Level(
                start=_number(attribute(child(level, "start"), "val"), 1),
                form=attribute(child(level, "numFmt"), "val") or "decimal",
                pattern=attribute(child(level, "lvlText"), "val") or "",
            )
    return found


def _overridden(override: Element, levels: Mapping[int, _Level]) -> dict[int, _Level]:
    found = _levels(override)
    depth = _number(attribute(override, "ilvl"), 0)
    start = attribute(child(override, "startOverride"), "val")
    base = found.get(depth) or levels.get(depth)
    if start is not None and base is not None:
        found[depth] = _Level(start=_number(start, 1), form=base.form, pattern=base.pattern)
    return found


def _number(value: str | None, default: int) -> int:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 7 else default


def _formatted(count: int, form: str) -> str:
    if form == "none":
        return ""
    if form in ("lowerLetter", "upperLetter") and count > 0:
        # 27 is "aa", as Word repeats the letter.
        letter = chr(ord("a") + (count - 1) % 26) * min((count - 1) // 26 + 1, 5)
        return letter if form == "lowerLetter" else letter.upper()
    if form in ("lowerRoman", "upperRoman") and 0 < count < 4000:
        roman = _roman(count)
        return roman.lower() if form == "lowerRoman" else roman
    if form == "decimalZero":
        return f"{count:02}"
    return str(count)


def _roman(count: int) -> str:
    parts: list[str] = []
    for value, letters in zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
        strict=True,
    ):
        times, count = divmod(count, value)
        parts.append(letters * times)
    return "".join(parts)
