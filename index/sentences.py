"""Sentence boundaries by rule: what a reader would quote as one statement.

Where the rules are in doubt they do not cut: a quote that is a sentence too long can be read, half a
sentence cannot. A wrong cut never loses text: the spans together cover everything that is not blank.
Linear in the length of the text, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from index.blocks import blocks
from index.stop_words import STOP_WORDS

# A run of final marks, what may close after it, and what has to follow. The look-behind makes a run match
# at its first character only, and nothing gives back what it took: a megabyte of dots stays linear.
_END = regex.compile(
    r"""
    (?<![.!?…]) (?<marks>[.!?…]++)(?<closing>["'”’»›)\]}*_`~]*+(?:[ \u00a0\u202f]»(?=\s|$))?+)
      (?:\[\d{1,3}\]|[⁰¹²³⁴-⁹])*+(?=\s|$)
    | (?<![。！？｡．؟۔।॥።։፧။]) (?<strong>[。！？｡．؟۔।॥።։፧။]++) (?<strong_closing>["'”’»›)\]」』）】》〉］]*+)
      (?:\[\d{1,3}\])*+
    | (?<=\p{Ll}{4})\.(?<footnote>\d{1,3})(?=\s{1,3}[\p{Lu}"“])  # the number of a footnote: "claim.12 The"
    """,
    regex.VERBOSE,
)
_FOLLOWING = regex.compile(
    r"[\s\"'“‘«„‹(\[{*_`~¿¡—–]*+(?:(?<word>[\p{L}\p{M}'’]{1,30}+)(?<dot>\.)?|(?<other>\S))"
)
_LAST_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:[.'’-]{1,2}[\p{L}\p{M}\p{N}]+)*$")
_NUMBER_AT_END = regex.compile(r"\d\s*+$")
_WORD_BEFORE_NUMBER = regex.compile(r"(\p{L}+)[\s(]+\d{1,2}$")
_INITIAL = regex.compile(r"\p{L}\p{M}*")
_ACRONYM = regex.compile(r"(?:\p{L}\.-?)+\p{L}")
_ROMAN = regex.compile(r"[IVXLC]{1,6}|[ivxlc]{1,6}")
_ENUMERATOR = regex.compile(r"\d{1,3}(?:\.\d{1,3})*|\p{L}|[ivxIVX]{1,5}")
_VOWEL = regex.compile(r"[aeiouyáàâäãåæéèêëíìîïóòôöõøœúùûüаеёиоуыэюяієαεηιουωάέήίόύώ]", regex.IGNORECASE)
_LOOK_BACK = 48  # characters before a full stop that may decide about it
_LEADERS = 4  # so many dots lead to a page number in a table of contents


def _listed(spelled: str) -> frozenset[str]:
    return frozenset(spelled.split())


# After these a full stop does not end a sentence, whatever follows.
_NEVER = _listed(
    "mr mrs ms dr drs prof rev fr hon sen rep gov gen col maj capt lt sgt cpl cmdr adm pres supt messrs "
    "vs v cf viz approx resp esp incl excl e.g eg i.e ie z.b d.h u.a u.ä s.o s.u bzw ca vgl bspw sog evtl "
    "ggf inkl zzgl mme mlle mgr sr sra srta dra sig dott ing avv dhr mevr bijv d.w.z ee т.е т.к напр"
)
# Nor after these when a number follows ("No. 5", "p. 12", "Vol. II"), or a single letter ("Sec. B").
_NUMBERED = _listed(
    "no nos nr nrs núm art arts sec secs sect § ch chs chap fig figs eq eqs p pp pg vol vols ed eds para "
    "paras par tab abb abs kap s bd ziff rn ref refs app c ca cap cit col f ff n nn l ll v vv op bk pt "
    "pts stat tit jan feb mar apr jun jul aug sep sept oct okt nov dec dez стр рис табл гл см п"
)
# These end a sentence only when the next word looks like the beginning of one; so do acronyms,
# initials, and short words without a vowel ("Blvd", "Str").
_EITHER = _listed(
    "inc ltd co corp llc plc jr sr bros dept univ assn assoc intl natl govt al est ave blvd rd st mt ft "
    "hwy ext max min avg tel jg mio mrd abt str allg geb gest usw hrsg aufl тыс млн млрд руб ул им гг вв "
    "др пр"
)
_BEGINNINGS = (
    (STOP_WORDS["en"] - _listed("own same few off over under once don down b c d e m s t ll re ve"))
    | _listed(
        "one two three many several das die ein eine er es sie wir ich im am und aber auch wenn als nach "
        "bei mit für dies diese dieser dieses damit doch jedoch il elle ils elles nous on ce cette ces dans "
        "mais les pour él ella ellos ellas esta este pero egli gli nel questo questa het een hij zij wij dit "
        "maar ele ela um uma"
    )
    | STOP_WORDS["ru"]
    | STOP_WORDS["uk"]
)
# German and its neighbours count with a full stop: "am 3. Oktober", "die 2. Auflage".
_BEFORE_ORDINAL = _listed(
    "am der dem den des die das im vom zum zur bis ab seit und oder beim einer jeder jedem"
)
_MONTHS = _listed(
    "januar jänner februar märz april mai juni juli august september oktober november dezember "
    "jahrhundert jahrhunderts jahrhunderte mal januari februari maart augustus"
)
# Japanese goes on after a quotation with one of these.
_AFTER_QUOTATION = "とっはがをにもでのなだ"


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Spans ``(start, end)`` of the sentences of a text: ascending, end exclusive, trimmed, never blank.

    A blank line, a list item, a Markdown heading and a table row always start anew; a line break inside a
    wrapped paragraph does not. Together the spans cover everything that is not white space.
    """
    spans: list[tuple[int, int]] = []
    for block in blocks(text):
        begin = block.start
        if not block.whole:
            for match in _END.finditer(text, block.start, block.end):
                if _ends(text, begin, match, block.end):
                    spans += _trimmed(text, begin, match.end())
                    begin = match.end()
        spans += _trimmed(text, begin, block.end)
    return spans


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        first = start + len(piece) - len(piece.lstrip())
        yield first, first + len(stripped)


def _ends(text: str, begin: int, match: regex.Match[str], limit: int) -> bool:
    """Whether this run of final marks ends the sentence that began at ``begin``."""
    following = _FOLLOWING.match(text, match.end(), limit)
    if following is None or match["footnote"]:
        return True
    word: str = following["word"] or ""
    opening: str = word[:1] or following["other"]
    if match["strong"]:
        if match["strong"] == "．":  # a decimal point, too, in full width
            return not (opening.isdigit() and text[match.start() - 1 : match.start()].isdigit())
        closed_quotation = match["strong_closing"][:1] in ("」", "』")
        return not (closed_quotation and following.end() and text[match.end()] in _AFTER_QUOTATION)
    marks: str = match["marks"]
    if opening.islower():
        return False
    if marks != ".":
        return not (len(marks) >= _LEADERS and opening.isdigit())
    if opening in (".", "…"):  # ". . ."
        return False
    return _full_stop_ends(text, begin, match, word, opening, following["dot"] is not None)


def _full_stop_ends(
    text: str, begin: int, match: regex.Match[str], word: str, opening: str, dotted: bool
) -> bool:
    """Whether a single full stop ends a sentence, by the word before it and the one after."""
    before = text[max(begin, match.start() - _LOOK_BACK) : match.start()]
    found = _LAST_WORD.search(before)
    if found is None:  # after a bracket, a quotation mark, a per cent sign
        return True
    last: str = found[0]
    folded = last.casefold()
    leads = match.start() - begin <= _LOOK_BACK and not any(map(str.isalnum, before[: found.start()]))
    if leads and _ENUMERATOR.fullmatch(last):
        return False  # "1. Text", "a. Text", "IV. Text": the number belongs to what follows
    if folded in _NEVER:
        return False
    counts = opening.isdigit() or (len(word) <= 6 and _ROMAN.fullmatch(word) is not None and word != "I")
    if folded in _NUMBERED and (counts or len(word) == 1 or opening == "§"):
        return False
    # Not "J. A. Smith" or "U.S. No. 1".
    begins = word.casefold() in _BEGINNINGS and not (dotted and len(word) <= 2)
    if folded in _EITHER or _INITIAL.fullmatch(last) or _ACRONYM.fullmatch(last):
        return begins
    if _consonants(last):
        return begins or _NUMBER_AT_END.search(before, 0, found.start()) is not None  # "5 kg. Trains"
    if last.isdecimal() and len(last) <= 2:
        earlier = _WORD_BEFORE_NUMBER.search(before)
        ordinal = earlier is not None and earlier[1].casefold() in _BEFORE_ORDINAL
        return not ordinal and word.casefold() not in _MONTHS
    # "Kap. 3", "Tab. 4": an abbreviation that no list names.
    return not (opening.isdigit() and last.istitle() and len(last) <= 4)


def _consonants(word: str) -> bool:
    """A short cased word without a vowel that is not all capitals: "Blvd", "Str", "ggf", but not "PDF"."""
    return (
        len(word) <= 5
        and word.isalpha()
        and word[1:].islower()
        and word[:1] != word[:1].swapcase()
        and _VOWEL.search(word) is None
    )
