"""Lines with Hebrew or Arabic: from where the letters stand on the page to the order they are read in.

pdfium gives the letters of such a line now as they stand, now as they are read, and may change its mind in
the middle. Where they stand is certain, so the order is found anew: from left to right first, and from that
back through the rules that put them there (Unicode Standard Annex 9). Those rules lose a little: numbers
beside Latin words are taken to belong to them.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")

# pdfium turns brackets round in some lines and not in others.
_BRACKETS = {"(": "()", ")": "()", "[": "[]", "]": "[]", "{": "{}", "}": "{}", "«": "«»", "»": "«»"}
# Gaps between words, as shares of the height of the letters: the usual least one, and the least where pdfium
# gives two letters one after the other without a space.
_LEAST_GAP, _NARROWEST_GAP, _LEAST_UNSPACED_GAP = 0.16, 0.1, 0.3
_STRONG = ("L", "R", "AL")
_NUMBERS = ("EN", "AN")


@dataclass(frozen=True, slots=True)
class Letter:
    """A character on a page; ``index`` is its place among the page's characters, the rest is in points.

    ``origin`` is where the pen was when its glyph was drawn, which may be left of the ink.
    """

    index: int
    text: str
    left: float
    right: float
    bottom: float
    top: float
    origin: float
    after_space: bool | None = False  # whether pdfium gives a space before it; None where it began a line

    @property
    def middle(self) -> float:
        """Of its box, from left to right."""
        return (self.left + self.right) / 2


@dataclass(frozen=True, slots=True)
class Read:
    """A letter in the order of reading, as it reads there, and whether a space comes before it."""

    letter: Letter
    text: str
    after_space: bool


def runs_from_right(text: str) -> bool:
    """Whether most of the letters are Hebrew or Arabic."""
    return 2 * len(RIGHT_TO_LEFT.findall(text)) > sum(letter.isalpha() for letter in text)


def line_runs_from_right(letters: Sequence[Letter]) -> bool:
    """Whether a line does by itself: Hebrew or Arabic at both its ends, or for the most part."""
    text = "".join(each.text for each in sorted(letters, key=lambda each: each.middle))
    ends = [each for each in text if each.isalpha()]
    if ends and all(RIGHT_TO_LEFT.match(each) for each in (ends[0], ends[-1])):
        return True
    return runs_from_right(text)


def in_reading_order(letters: Sequence[Letter], *, from_right: bool) -> list[Read]:
    """The letters of one line in the order in which they are read.

    Args:
        letters: In any order, without white space.
        from_right: Whether the line as a whole runs from right to left.
    """
    marks = {letter for letter in letters if unicodedata.category(letter.text[0]) == "Mn"}
    if len(marks) == len(letters):  # signs without letters are in some font's sample
        marks = set()
    bases = sorted((each for each in letters if each not in marks), key=lambda each: each.index)
    standing, signs = _with_their_signs(
        bases, sorted(marks, key=lambda each: (unicodedata.combining(each.text[0]), each.index))
    )
    spaced: list[Letter | None] = []  # None is a space
    gaps = _Gaps(bases, standing)
    for at, letter in enumerate(standing):
        if at and gaps.parts(standing[at - 1], letter):
            spaced.append(None)
        spaced.append(letter)
    levels = _levels([letter.text if letter is not None else " " for letter in spaced], from_right)
    found: list[Read] = []
    space = False
    for at in _turned_round(levels):
        base = spaced[at]
        if base is None:
            space = bool(found)
            continue
        for each in (base, *signs.get(base.index, ())):
            found.append(Read(each, unicodedata.normalize("NFKC", each.text), space))
            space = False
    return _with_brackets_round(found) if 1 in levels else found


class _Gaps:
    """Tells the spaces of a line: pdfium's own may stand elsewhere where it turned a part of a line round."""

    def __init__(self, bases: Sequence[Letter], standing: Sequence[Letter]) -> None:
        self._ranks = {letter.index: rank for rank, letter in enumerate(bases)}
        pairs = [(left, right) for left, right in pairwise(standing) if self._says(left, right) == "space"]
        gaps = sorted(_gap(left, right) for left, right in pairs)
        self._usual = gaps[len(gaps) // 2] if gaps else math.inf

    def _says(self, left: Letter, right: Letter) -> str:
        """What pdfium has between two letters: "space", "nothing", or "other" where it tells nothing."""
        first, second = (left, right) if left.index < right.index else (right, left)
        apart = self._ranks[second.index] - self._ranks[first.index] != 1
        if apart or second.after_space is None or not (left.text.isalnum() and right.text.isalnum()):
            return "other"
        return "space" if second.after_space else "nothing"

    def parts(self, left: Letter, right: Letter) -> bool:
        """Whether a space stands between neighbours."""
        height = max(left.top - left.bottom, right.top - right.bottom)
        least = max(_NARROWEST_GAP * height, min(_LEAST_GAP * height, 0.6 * self._usual))
        said = self._says(left, right)
        if said == "space":
            least /= 2
        elif said == "nothing" and self._usual < math.inf:
            least = max(least, _LEAST_UNSPACED_GAP * height)
        return _gap(left, right) > least


def _gap(left: Letter, right: Letter) -> float:
    return min(right.left, right.origin) - left.right


def _levels(texts: Sequence[str], from_right: bool) -> list[int]:
    """The embedding level of each character of a line as it stands: only 1 is read from the right."""
    kinds = [_kind(text) for text in texts]
    around = "R" if from_right else "L"
    before = around
    for at, kind in enumerate(kinds):  # numbers right of Latin words belong to these
        if kind in _STRONG:
            before = kind
        elif kind == "EN" and before == "L":
            kinds[at] = "L"
    before = around
    for at in range(len(kinds) - 1, -1, -1):  # those left of Arabic words are written as in Arabic
        if kinds[at] in _STRONG:
            before = kinds[at]
        elif kinds[at] == "EN" and before == "AL":
            kinds[at] = "AN"
    for at in range(1, len(kinds) - 1):
        joins = kinds[at] == "CS" or (kinds[at] == "ES" and kinds[at - 1] == "EN")
        if joins and kinds[at - 1] in _NUMBERS and kinds[at - 1] == kinds[at + 1]:
            kinds[at] = kinds[at - 1]
    for way in (range(1, len(kinds)), range(len(kinds) - 2, -1, -1)):  # "50%" and "$50"
        for at in way:
            if kinds[at] == "ET" and kinds[at - way.step] == "EN":
                kinds[at] = "EN"
    sides = ["L" if kind == "L" else "R" if kind in ("R", "AL", *_NUMBERS) else "" for kind in kinds]
    left = _nearest(sides, around)
    right = _nearest(sides[::-1], around)[::-1]
    latin = 2 if from_right else 0
    levels: list[int] = []
    for at, kind in enumerate(kinds):
        side = sides[at] or (left[at] if left[at] == right[at] else around)
        levels.append(2 if kind in _NUMBERS else latin if side == "L" else 1)
    return levels


def _kind(text: str) -> str:
    kind = unicodedata.bidirectional(text[0])
    return "R" if not kind and RIGHT_TO_LEFT.match(text) else kind


def _nearest(sides: Sequence[str], first: str) -> list[str]:
    """For each place the last side named before it."""
    found: list[str] = []
    for side in sides:
        found.append(first)
        first = side or first
    return found


def _turned_round(levels: Sequence[int]) -> list[int]:
    """Places of a line as it stands, in the order of reading: every run is turned round, inner ones back."""
    order = list(range(len(levels)))
    for lowest in (1, 2):
        turned: list[int] = []
        for inside, group in groupby(order, key=[level >= lowest for level in levels].__getitem__):
            run = list(group)
            turned += reversed(run) if inside else run
        order = turned
    return order


def _with_their_signs(
    bases: Sequence[Letter], marks: Sequence[Letter]
) -> tuple[list[Letter], dict[int, list[Letter]]]:
    """Letters from left to right, as wide as with their vowel signs, and these by the letter's index."""
    widened = {letter.index: letter for letter in bases}
    signs: dict[int, list[Letter]] = {}
    for mark in marks if bases else ():
        base = min(
            bases,
            key=lambda letter: (
                not _same_glyph(mark, letter),
                max(letter.left - mark.middle, mark.middle - letter.right, 0.0),
                abs(letter.index - mark.index),
            ),
        )
        signs.setdefault(base.index, []).append(mark)
        if _same_glyph(mark, base):
            whole = widened[base.index]
            left, right = min(mark.left, whole.left), max(mark.right, whole.right)
            widened[base.index] = replace(whole, left=left, right=right)
    return sorted(widened.values(), key=lambda each: each.middle), signs


def _same_glyph(mark: Letter, letter: Letter) -> bool:
    """pdfium cuts the box of a glyph that stands for several characters into slices of equal height."""
    touches = min(abs(mark.left - letter.right), abs(mark.right - letter.left)) < 0.01
    return touches and (mark.bottom, mark.top) == (letter.bottom, letter.top)


def _with_brackets_round(line: list[Read]) -> list[Read]:
    """Each bracket opens or closes as its neighbours demand: words touch it on its inner side."""
    opened: dict[str, int] = {}
    found = list(line)
    for at, read in enumerate(line):
        pair = _BRACKETS.get(read.text)
        if pair is None:
            continue
        free_before = at == 0 or read.after_space or line[at - 1].text in _BRACKETS
        free_after = at + 1 == len(line) or line[at + 1].after_space or not line[at + 1].text.isalnum()
        opens = free_before if free_before != free_after else not opened.get(pair)
        opened[pair] = max(0, opened.get(pair, 0) + (1 if opens else -1))
        found[at] = replace(read, text=pair[0] if opens else pair[1])
    return found


def cut_at_gaps(letters: Sequence[Letter], widest: float) -> list[list[Letter]]:
    """Letters of a line in groups from left to right, parted by gaps wider than ``widest`` points."""
    standing = sorted(letters, key=lambda each: each.middle)
    groups: list[list[Letter]] = [standing[:1]] if standing else []
    reach = standing[0].right if standing else 0.0
    for letter in standing[1:]:
        if letter.left - reach > widest:
            groups.append([])
        groups[-1].append(letter)
        reach = max(reach, letter.right)
    return groups


def same_line(letters: Sequence[Letter], more: Sequence[Letter]) -> bool:
    """Whether letters stand beside others, and not above or below them."""
    (bottom, top), (other_bottom, other_top) = (
        (min(each.bottom for each in group), max(each.top for each in group)) for group in (letters, more)
    )
    shared = min(top, other_top) - max(bottom, other_bottom)
    return shared > 0.5 * min(top - bottom, other_top - other_bottom)
