"""What to search for a question that leans on the turns before it.

Earlier words are searched beside the question, as keywords of less weight, never as a part of it: a
question that stands alone then keeps its passages, and one that does not still finds its topic.
A question that cannot stand alone gives them more weight, and is read with them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index.analysis import detect_language, stem, stop_words, words
from rag.answers import Turn
from rag.asked import ASKING_WORD

# What an earlier word counts in the keyword score beside a word of the question. nDCG@10 on mtRAG, 272
# turns with a history (``python -m tests.quality.follow_ups``): 0.705 for the question alone, 0.720 with the
# turn before always put behind it, 0.776 like this; 0.770 with constants chosen on other conversations (ten
# folds). Where people's rewrites add no word to a question: 0.656 alone, 0.665 like this, 0.634 with 0.55 for
# all. Behind the history of another conversation questions that stand alone lose 0.008 at most.
LEANING = 0.55  # for a question that cannot stand alone
STANDING = 0.25  # for one that can

_MOST_CARRIED = 10  # words; more would drown the question's own
_QUESTIONS = 3  # earlier ones that words are taken from
_ANSWER_CHARS = 300  # of the last answer, where a pronoun may find its noun
_MANY_WORDS = 4  # content words above which even "And what ..." stands alone
_FEW_WORDS = 2  # content words below which a question can hardly stand alone
_FAR_WORDS = 2  # content words before a pronoun above which it refers to one of them

# Words that stand for something said before. Question words are absent: they ask, they do not refer.
_REFERRING = {
    "en": "it its itself they them their theirs he him his she her hers this that these those there then "
    "former latter same such one ones another both either neither",
    "de": "er sie es ihn ihm ihr ihnen sein seine seiner seinem seinen ihre ihrer ihrem ihren dieser diese "
    "dieses diesem diesen dort damit davon dafür dazu darin derselbe dieselbe dasselbe",
    "fr": "il elle ils elles lui leur leurs son sa ses ce cet cette ces celui celle ceux celles cela ça y en",
    "es": "él ella ellos ellas lo su sus este esta estos estas ese esa esos esas eso esto allí",
    "it": "lui lei loro esso essa suo sua suoi sue questo questa questi queste quello quella lì ne",
    "pt": "ele ela eles elas seu sua seus suas este esta isto esse essa isso aquele aquela ali",
    "nl": "hij zij ze hem haar hun het zijn deze dit die daar ermee ervan daarvan",
    "ru": "он она оно они его её ее их ему ей им этот эта это эти тот та те там такой",
}
# Words that compare with something said before: "Which is more important?"
_COMPARING = frozenset(
    [
        *(
            "more",
            "most",
            "less",
            "least",
            "better",
            "best",
            "worse",
            "worst",
            "other",
            "others",
            "else",
            "next",
        ),
        *(
            "mehr",
            "meisten",
            "weniger",
            "besser",
            "plus",
            "moins",
            "meilleur",
            "más",
            "menos",
            "mejor",
            "mayor",
        ),
    ]
)
# Beginnings that continue an earlier question.
_CONTINUING = (
    ("and",),
    ("but",),
    ("or",),
    ("so",),
    ("also",),
    ("then",),
    ("more",),
    ("what", "about"),
    ("how", "about"),
    ("what", "else"),
    ("who", "else"),
    ("tell", "me", "more"),
    ("go", "on"),
    *((word,) for word in ("und", "aber", "oder", "et", "mais", "ou", "y", "o", "e", "en", "а", "и")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Words of earlier turns, searched beside a question.

    ``weight`` is what a match of them scores beside one of the question's own words, in (0, 1].
    """

    text: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Condensed:
    """A question as it is to be searched and read.

    ``query`` is what is shown and read: the question, with ``carried`` behind it if it cannot stand
    alone. What is searched is the question itself and ``context``, which is None at the beginning of
    a conversation. ``reason`` is for "How I searched".
    """

    query: str
    carried: tuple[str, ...]
    context: Context | None
    reason: str


def condense(question: str, history: Sequence[Turn]) -> Condensed:
    """Complete a question from the conversation as far as it needs it.

    Args:
        history: Earlier turns, oldest first, without the question itself.
    """
    asked = [turn.text for turn in history if turn.role == "user"]
    if not asked:
        return Condensed(query=question, carried=(), context=None, reason="first question")
    leans = _dependence(question)
    whole = not _is_short(question)
    earlier = _new_words(question, _newest_first(asked, history[-1]))
    if not earlier:
        reason = "nothing to add" if leans else "stands alone"
        return Condensed(query=question, carried=(), context=None, reason=reason)
    added = " ".join(earlier)
    if not leans:
        # A short one may open a topic ("When is the bonfire?") or go on with one ("What is the price?"):
        # the earlier words help to find it, and do not change what it asks.
        weight = STANDING if whole else LEANING
        reason = f"{'stands alone; of less weight' if whole else 'short; searched'} beside it: {added}"
        context = Context(text=added, weight=weight)
        return Condensed(query=question, carried=(), context=context, reason=reason)
    return Condensed(
        query=f"{question} {added}",
        carried=earlier,
        context=Context(text=added, weight=LEANING),
        reason=leans,
    )


def _newest_first(asked: Sequence[str], last: Turn) -> list[str]:
    """Where to take words from: the last question, the names in the answer to it, the questions before."""
    answered = [" ".join(_names(last.text[:_ANSWER_CHARS]))] if last.role == "assistant" else []
    newest, *before = asked[: -_QUESTIONS - 1 : -1]
    return [newest, *answered, *before]


def _dependence(question: str) -> str:
    """Why the question cannot stand alone, "" if it can."""
    spelled = [word for word, _, _ in words(question)]
    language = detect_language(question)
    referring = _referring_words(language)
    content = _content_words(question)
    for beginning in _CONTINUING:
        if tuple(spelled[: len(beginning)]) == beginning and len(content) <= _MANY_WORDS:
            return f"begins with “{' '.join(beginning)}”"
    pronoun, start = next(((word, start) for word, start, _ in words(question) if word in referring), ("", 0))
    if pronoun and not _says_of_what(question, start):
        return f"“{pronoun}” refers to an earlier turn"
    if _is_short(question):
        # "How much?" asks nothing yet, and "Which is better?" asks it of something said before.
        asks = ASKING_WORD.match(question.lstrip()) is not None and len(spelled) > 2
        return "" if content and asks and _COMPARING.isdisjoint(spelled) else "too short to stand alone"
    return ""


def _is_short(question: str) -> bool:
    return len(_content_words(question)) < _FEW_WORDS and not _says_of_what(question, len(question))


def _referring_words(language: str | None) -> frozenset[str]:
    spelled = _REFERRING.values() if language is None else (_REFERRING.get(language, ""),)
    return frozenset(" ".join(spelled).split())


def _says_of_what(question: str, end: int) -> bool:
    """Whether what stands before ``end`` gives a pronoun there something to refer to.

    "What did Rollo promise his men?" needs no earlier turn: a name, or several other words, stand before it.
    """
    ignored = stop_words(detect_language(question) or "en")
    before = [
        (position, start)
        for position, (word, start, _) in enumerate(words(question[:end]))
        if word not in ignored
    ]
    # The first word of a question has a capital whatever it is.
    named = any(position and question[start].isupper() for position, start in before)
    return named or len(before) > _FAR_WORDS


def _content_words(text: str) -> list[str]:
    ignored = stop_words(detect_language(text) or "en")
    return [word for word, _, _ in words(text) if word not in ignored]


def _names(text: str) -> list[str]:
    """Words written with a capital letter, in order; of those that begin a sentence, no stop words."""
    ignored = stop_words(detect_language(text) or "en")
    return [
        text[start:end]
        for word, start, end in words(text)
        if text[start:end][:1].isupper() and word not in ignored
    ]


def _new_words(question: str, sources: Sequence[str]) -> tuple[str, ...]:
    """Content words of the sources, in order, that the question does not hold yet."""
    language = detect_language(question)
    seen = {stem(word, language) for word, _, _ in words(question)}
    carried: list[str] = []
    for source in sources:
        ignored = stop_words(detect_language(source) or "en")
        for word, start, end in words(source):
            stemmed = stem(word, language)
            if word not in ignored and stemmed not in seen:
                seen.add(stemmed)
                carried.append(source[start:end])
    return tuple(carried[:_MOST_CARRIED])
