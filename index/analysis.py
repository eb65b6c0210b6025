"""Lexical analysis: text becomes the terms that keyword search and evidence selection compare.

Words are Unicode words, compared caseless (NFKC, case folding); runs of Chinese, Japanese and Korean
become overlapping pairs of characters; stems are Snowball's, in the document's own language.
"""

from __future__ import annotations

import threading
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

_WORD = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]+|[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}]+)*")
_CJK = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryTerms:
    """What is looked for: distinct plain words and distinct stems, in the order of the query."""

    words: tuple[str, ...]
    stems: tuple[str, ...]


def words(text: str) -> list[tuple[str, int, int]]:
    """The words of a text as ``(word, start, end)``; offsets count characters of ``text``, end exclusive.

    A run of CJK characters gives its overlapping pairs (a single character gives itself).
    """
    found: list[tuple[str, int, int]] = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        if _CJK.match(text[start]):
            width = min(2, end - start)
            found += [
                (_fold(text[at : at + width]), at, at + width) for at in range(start, end - width + 1)
            ]
        else:
            found.append((_fold(match.group()), start, end))
    return found


def stem(word: str, language: str | None) -> str:
    """The stem of a folded word; the word itself for CJK, digits, and where no language is known."""
    if language is None or not word.isascii() and _CJK.match(word):
        return word
    return _stem(word, language)


def terms(text: str, language: str | None) -> list[str]:
    """Every word's stem, in order; function words are kept, because BM25 counts lengths."""
    return [stem(word, language) for word, _, _ in words(text)]


def query_terms(text: str, languages: Sequence[str]) -> QueryTerms:
    """What to look for: content words, and their stems in each language of the corpus.

    Function words are left out unless nothing else remains. Words that no language stems are looked
    for as they are.
    """
    folded = list(dict.fromkeys(word for word, _, _ in words(text)))
    function_words = stop_words(languages[0]) if len(languages) == 1 else _common(tuple(languages))
    content = [word for word in folded if word not in function_words] or folded
    stems = [stem(word, language) for word in content for language in (languages or (None,))]
    return QueryTerms(words=tuple(content), stems=tuple(dict.fromkeys([*stems, *_undecided(content, languages)])))


def _undecided(content: Sequence[str], languages: Sequence[str]) -> list[str]:
    """Documents of no known language hold plain words in their stems field."""
    return [] if len(languages) == 1 else list(content)


def stop_words(language: str | None) -> frozenset[str]:
    """The function words of a language; empty for one we have no list for."""
    return _STOP_WORDS.get(language or "", frozenset())


def detect_language(text: str) -> str | None:
    """The Snowball code of a text's language by script and function words; None when undecided."""
    tokens = [word for word, _, _ in words(text)]
    if not tokens:
        return None
    for code, script in _SCRIPTS:
        if sum(1 for token in tokens if script.match(token)) > len(tokens) / 2:
            return code
    counts = Counter(tokens)
    scores = {
        code: sum(counts[word] for word in listed) / len(tokens) for code, listed in _STOP_WORDS.items()
    }
    best, second = sorted(scores, key=lambda code: -scores[code])[:2]
    # Running text is 30 to 50 per cent function words; close languages share some of them.
    if scores[best] < 0.08 or scores[best] < 1.2 * scores[second]:
        return None
    return best


def _fold(word: str) -> str:
    folded = unicodedata.normalize("NFKC", word).casefold().replace("’", "'")
    return folded[:-2] if folded.endswith("'s") else folded


def _common(languages: tuple[str, ...]) -> frozenset[str]:
    return frozenset().union(*(stop_words(language) for language in languages))


@lru_cache(maxsize=50_000)
def _stem(word: str, language: str) -> str:
    stemmers = _LOCAL.__dict__.setdefault("stemmers", {})
    if language not in stemmers:
        import Stemmer

        stemmers[language] = Stemmer.Stemmer(_ALGORITHMS[language]) if language in _ALGORITHMS else None
    stemmer = stemmers[language]
    return word if stemmer is None else str(stemmer.stemWord(word))


_LOCAL = threading.local()  # a Snowball stemmer is not safe to share between threads
_ALGORITHMS = {
    "ar": "arabic", "da": "danish", "de": "german", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ru": "russian",
    "sv": "swedish", "el": "greek", "hi": "hindi",
}  # fmt: skip
_SCRIPTS = (
    ("ar", regex.compile(r"\p{Arabic}")),
    ("ru", regex.compile(r"\p{Cyrillic}")),
    ("el", regex.compile(r"\p{Greek}")),
    ("hi", regex.compile(r"\p{Devanagari}")),
    ("zh", regex.compile(r"\p{Han}")),
    ("ja", regex.compile(r"[\p{Hiragana}\p{Katakana}]")),
    ("ko", regex.compile(r"\p{Hangul}")),
)
_STOP_WORDS = {
    "en": frozenset(
        "a about after all also am an and any are as at be been before being but by can could did do does doing"
        " for from had has have having he her here hers him his how i if in into is it its itself just me more"
        " most my no nor not of on once only or other our ours out over own same she should so some such than"
        " that the their theirs them then there these they this those through to too under until up very was we"
        " were what when where which while who whom whose why will with would you your yours".split()
    ),
    "de": frozenset(
        "aber als am an auch auf aus bei bin bis bist da damit das dass dein dem den der des die dies diese dieser"
        " du durch ein eine einem einen einer eines er es für hat hatte ich ihr im in ist ja kann kein mein mit nach"
        " nicht noch nur oder sein seine sich sie sind so über um und uns unter vom von vor war waren was wenn wer"
        " werden wie wir wird wo zu zum zur".split()
    ),
    "fr": frozenset(
        "à au aux avec ce ces cette dans de des du elle elles en est et eux il ils je la le les leur lui ma mais me"
        " mes moi mon ne nos notre nous on ou où par pas pour qu que quel quelle qui sa sans se ses son sont sur ta"
        " te tes toi ton tu un une vos votre vous été être avait ont plus".split()
    ),
    "es": frozenset(
        "a al como con cuando de del desde donde el ella ellas ellos en entre era es esa ese eso esta este esto está"
        " fue ha hay la las le les lo los más me mi muy no nos o para pero por porque que qué quien se ser si sin"
        " sobre son su sus también te tiene un una uno y ya".split()
    ),
    "it": frozenset(
        "a ai al alla alle anche che chi ci come con da dal dalla degli dei del della delle di dove e è era essere gli"
        " ha hanno i il in io la le lei lo loro lui ma mi nel nella non o per perché più quale quando quello questa"
        " questo sarà se si sono su sua sue sul sulla suo un una uno".split()
    ),
    "pt": frozenset(
        "a ao aos as até com como da das de dela dele do dos e é ela elas ele eles em entre era essa esse esta este eu"
        " foi há isso isto já mais mas na não nas no nos num numa o os ou para pela pelo por qual quando que quem se"
        " sem ser seu seus são só sua suas também te tem um uma você".split()
    ),
    "nl": frozenset(
        "aan als bij dan dat de der deze die dit door een en er had heeft hem het hij hoe hun ik in is je kan maar me"
        " met mijn na naar niet nog nu of om onder ons ook op over te tot uit van veel voor waar was wat we werd wie"
        " wordt zal ze zich zij zijn zo".split()
    ),
    "sv": frozenset(
        "alla att av blev de dem den det där en er ett för från ha hade han har hon i inte jag kan man med men mot ni"
        " nu när och om på sig sin som till under upp ut var vi vid är över".split()
    ),
    "ru": frozenset(
        "а без был была были было быть в вам вас вы где да для до его ее её если есть еще же за и из или им их к как"
        " ко когда кто ли мне мы на не него нет но о об он она они оно от по под при с со так также то того тоже"
        " только ты у уже чем что чтобы эта эти это этот я".split()
    ),
    "ar": frozenset("في من على إلى عن مع هذا هذه ذلك التي الذي ما هل هو هي أن إن كان كانت لا لم و أو ثم قد بين كل".split()),
}  # fmt: skip
