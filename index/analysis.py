"""Lexical analysis: text as words, stems and query terms, and the language it is written in.

Used by the keyword index and by the selection of evidence, so both mean the same by a word.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import regex
import Stemmer

from index.stop_words import STOP_WORDS

_SNOWBALL = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "es": "spanish", "fa": "persian", "fi": "finnish", "fr": "french", "hi": "hindi",
    "hu": "hungarian", "id": "indonesian", "it": "italian", "nl": "dutch", "no": "norwegian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip

# Scripts written without spaces (and Korean, whose words carry their particles): cut into bigrams.
_UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Bopomofo}\u30fc\uff70"
)
_UNIT = regex.compile(
    # A decomposed Korean syllable, or a character with its marks (half-width Katakana has its own two).
    r"[\u1100-\u115f\ua960-\ua97c][\u1160-\u11a7\ud7b0-\ud7c6]*[\u11a8-\u11ff\ud7cb-\ud7fb]*"
    rf"|[{_UNSPACED}][\p{{M}}\uff9e\uff9f]*"
)
_LETTER = rf"[\p{{L}}--[{_UNSPACED}]]"
_TOKEN = regex.compile(
    rf"""
    (?<unspaced>(?:[{_UNSPACED}][\p{{M}}\uff9e\uff9f]*)+)
    # U.S., e.g., 3 p.m.: one word without its points
    | (?<acronym>
        (?<![\p{{L}}\p{{M}}\p{{N}}]){_LETTER}(?:\.{_LETTER})+(?![\p{{L}}\p{{M}}\p{{N}}]))
    # letters and digits; marks, soft hyphens and joiners only inside; 3.14 and 1,000 stay whole
    | (?<word>[\p{{L}}\p{{N}}--[{_UNSPACED}]]
        (?:[\p{{L}}\p{{M}}\p{{N}}\u00ad\u200c\u200d\u2060--[{_UNSPACED}]]|(?<=\p{{Nd}})[.,](?=\p{{Nd}}))*)
    """,
    regex.VERBOSE | regex.VERSION1,
)
# The same for text of ASCII letters in lower case, in a third of the time.
_ASCII_TOKEN = re.compile(
    r"(?P<acronym>(?<![a-z0-9])[a-z](?:\.[a-z])+(?![a-z0-9]))"
    r"|[a-z0-9]+(?:(?<=[0-9])[.,](?=[0-9])[a-z0-9]+)*"
)
# Marks that stand in English text and part words as a space does.
_MARKS = str.maketrans(dict.fromkeys("“”‘’„‚«»‹›–—…•·§©®™°€£\u00a0", " "))
_THOUSANDS = regex.compile(r"\d{1,3}(?:,\d{3})+")
# What normalisation may leave in a word: spaces of ligatures, joiners, Arabic vowel signs and stretching.
_NOISE = regex.compile(r"[^\p{L}\p{M}\p{N}.,]|[\u0640\u064b-\u065f\u0670]")

_DETECTION_WORDS = 2000  # are enough to tell a language
_MOST_LANGUAGES = 4  # that a query is stemmed in


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryTerms:
    """A query for the keyword index: distinct, in order of appearance.

    ``words`` are unstemmed; ``stems`` hold each word stemmed in every language asked for, and the
    word itself, because texts of an undecided language are indexed unstemmed. What ``context`` holds is
    looked up too, and a match there scores ``context_weight`` (>= 0) times as much.
    """

    words: tuple[str, ...]
    stems: tuple[str, ...]
    context: QueryTerms | None = None
    context_weight: float = 0.0


def words(text: str) -> list[tuple[str, int, int]]:
    """The words of ``text`` in order, as ``(word, start, end)``.

    A word is normalised (NFKC, casefold) and never holds white space; ``start`` and ``end`` are
    character offsets in ``text``, end exclusive. Hyphens and apostrophes separate; "U.S." is "us", "1,000" is
    "1000", "3.14" stays. Runs of Chinese, Japanese, Korean or Thai characters become overlapping
    bigrams; a single character stands alone.
    """
    plain = text if text.isascii() else text.translate(_MARKS)
    return _words_of_ascii(plain.lower()) if plain.isascii() else _words_of_any(text)


def _words_of_ascii(text: str) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    for match in _ASCII_TOKEN.finditer(text):
        word = match[0]
        if match.lastgroup is not None:
            word = word.replace(".", "")
        elif "," in word and _THOUSANDS.fullmatch(word):
            word = word.replace(",", "")
        found.append((word, match.start(), match.end()))
    return found


def _words_of_any(text: str) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        kind = match.lastgroup
        if kind == "unspaced":
            found.extend(_bigrams(text, start, end))
            continue
        word = match.group()
        word = word.lower() if word.isascii() else _normalised(word)
        if kind == "acronym":
            word = word.replace(".", "")
        elif "," in word and _THOUSANDS.fullmatch(word):
            word = word.replace(",", "")
        if word:
            found.append((word, start, end))
    return found


def _bigrams(text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    units = [(_normalised(unit.group()), *unit.span()) for unit in _UNIT.finditer(text, start, end)]
    units = [unit for unit in units if unit[0]]
    if len(units) == 1:
        yield units[0]
    for (first, begin, _), (second, _, finish) in pairwise(units):
        yield first + second, begin, finish


def _normalised(word: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    return str(_NOISE.sub("", folded))


class _Stemmers(threading.local):
    """Snowball stemmers of one thread: a stemmer keeps state while it works."""

    def __init__(self) -> None:
        self._by_language: dict[str, Any] = {}

    def get(self, language: str) -> Any:
        stemmer = self._by_language.get(language)
        if stemmer is None:
            stemmer = self._by_language[language] = Stemmer.Stemmer(_SNOWBALL[language])
        return stemmer


_stemmers = _Stemmers()


def stem(word: str, language: str | None) -> str:
    """The stem of a word of :func:`words`; numbers and words of languages without a stemmer stay."""
    if language not in _SNOWBALL or not word.isalpha():
        return word
    return str(_stemmers.get(language).stemWord(word)) or word


def stop_words(language: str | None) -> frozenset[str]:
    """The stop words of a language, as :func:`words` writes them; empty for None and unlisted languages."""
    return STOP_WORDS.get(language or "", frozenset())


def terms(text: str, language: str | None) -> list[str]:
    """Every word of ``text`` in order, stemmed in ``language``. Stop words stay: BM25 needs true lengths."""
    return stemmed_words([word for word, _, _ in words(text)], language)


def stemmed_words(spelled: Sequence[str], language: str | None) -> list[str]:
    """:func:`terms` of a text whose words are known."""
    if language not in _SNOWBALL:
        return list(spelled)
    stemmed: list[str] = _stemmers.get(language).stemWords(spelled)
    return [stem or word for word, stem in zip(spelled, stemmed, strict=True)]


def query_terms(text: str, languages: Sequence[str]) -> QueryTerms:
    """What to look up for a query.

    Args:
        languages: Of the corpus, most frequent first; the first four are used. Stop words are
            those of the query's own language, or of the first one if that is undecided. A query
            of nothing but stop words keeps them.
    """
    spelled = list(dict.fromkeys(word for word, _, _ in words(text)))
    ignored = stop_words(detect_language(text) or (languages[0] if languages else None))
    spelled = [word for word in spelled if word not in ignored] or spelled
    used = languages[:_MOST_LANGUAGES]
    stems = dict.fromkeys(form for word in spelled for form in (*(stem(word, each) for each in used), word))
    return QueryTerms(words=tuple(spelled), stems=tuple(stems))


_SCRIPTS = {
    name: regex.compile(rf"\p{{{name}}}")
    for name in ("Latin", "Cyrillic", "Greek", "Arabic", "Devanagari", "Han", "Hangul", "Thai", "Hebrew")
} | {"Kana": regex.compile(r"[\p{Hiragana}\p{Katakana}]")}
_BY_SCRIPT = {
    "Latin": (
        "en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "pl", "cs", "hu", "ro", "tr",
        "id", "ca",
    ),
    "Cyrillic": ("ru", "uk", "bg"),
    "Greek": ("el",),
    "Arabic": ("ar", "fa"),
    "Devanagari": ("hi",),
}  # fmt: skip
# A script's usual language, when its characters alone have to decide.
_BY_SCRIPT_ALONE = {
    "Cyrillic": "ru", "Greek": "el", "Arabic": "ar", "Devanagari": "hi", "Thai": "th", "Hebrew": "he"
}  # fmt: skip
# Characters that only one of a script's languages uses count like a stop word.
_LETTERS = {
    "de": "ß", "es": "ñ¿¡", "pt": "ãõ", "pl": "łąęśźżń", "cs": "řěů", "hu": "őű", "ro": "țșăţ", "tr": "ğşı",
    "uk": "іїєґ", "ru": "ыэё", "fa": "پچژگ",
}  # fmt: skip
_STOP_COUNTS = Counter(word for spelled in STOP_WORDS.values() for word in spelled)


def detect_language(text: str) -> str | None:
    """The ISO 639-1 code of the language that most of ``text`` is in; None when that is not clear.

    Decided by script and stop words, so it is sure of running text and of most questions, and says
    None for names, numbers and code. Not every language it knows has a stemmer. Reads the beginning
    only; linear.
    """
    text = text[: 20 * _DETECTION_WORDS]
    counts = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()}
    if counts["Kana"] * 10 > counts["Han"] and counts["Kana"] + counts["Han"] > counts["Latin"] // 2:
        return "ja"
    # A Chinese character or a Korean syllable says as much as several letters.
    weighted = {name: count * (3 if name in ("Han", "Hangul") else 1) for name, count in counts.items()}
    script = max(weighted, key=weighted.__getitem__)
    if not weighted[script] or weighted[script] * 2 < sum(weighted.values()):
        return None
    if script in ("Han", "Hangul"):
        return "zh" if script == "Han" else "ko"
    decided = _by_stop_words(text, _BY_SCRIPT.get(script, ()))
    return decided or _BY_SCRIPT_ALONE.get(script)


def _by_stop_words(text: str, languages: Sequence[str]) -> str | None:
    if not languages:
        return None
    scores = dict.fromkeys(languages, 0.0)
    signs = dict.fromkeys(languages, 0)
    # Each word counts once: a text full of "Los Angeles" is not Spanish.
    spans = list(islice(words(text), _DETECTION_WORDS))
    distinct = {word for word, _, _ in spans}
    pronoun = not text.isupper() and "I" in {text[start:end] for _, start, end in spans[1:]}
    for word in distinct:
        for language in languages:
            # A large "I" inside a text is the English word, not the "in" of the Scandinavian languages.
            if word in STOP_WORDS[language] and (word != "i" or not pronoun or language == "en"):
                # A word of one language says more than one that many share.
                scores[language] += 1 / _STOP_COUNTS[word] ** 0.5
                signs[language] += 1
    for language in languages:
        if any(letter in text for letter in _LETTERS.get(language, "")):
            scores[language] += 0.5
            signs[language] += 1
    best = max(scores, key=scores.__getitem__)
    runner_up = max((score for language, score in scores.items() if language != best), default=0.0)
    # One sign is too little: "war" is German, and "war crimes" is not.
    sure = signs[best] >= 2 and scores[best] >= 0.06 * len(distinct) and scores[best] >= 1.15 * runner_up
    return best if sure else None
