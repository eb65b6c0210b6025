"""How much of one text's meaning-bearing words another text holds: stems, weighted by how rare they are here.

Used to pick evidence for a question, and to test whether a passage carries a claim.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from index.analysis import query_terms, stem, words
from index.snapshot import Snapshot

# They ask; an answer need not repeat them.
_ASKING = frozenset(
    ("describe", "explain", "give", "many", "may", "might", "much", "must", "name", "please", "tell", "will")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedWord:
    """A word of a question or claim. ``forms`` are the word and its stem in each language of the corpus.

    ``weight`` is its inverse document frequency, >= 0: the rarer in the corpus, the more it says.
    """

    word: str
    forms: frozenset[str]
    weight: float
    known: bool  # whether any chunk of the corpus holds it


@lru_cache(maxsize=50_000)
def _forms(word: str, languages: tuple[str, ...]) -> frozenset[str]:
    return frozenset((word, *(stem(word, language) for language in languages)))


def forms_in(text: str, languages: Sequence[str]) -> frozenset[str]:
    """Every word of ``text`` with its stems, to compare with :class:`WeightedWord.forms`."""
    languages = tuple(languages)
    found: set[str] = set()
    for word, _, _ in words(text):
        found |= _forms(word, languages)
    return frozenset(found)


def weighted_words(text: str, snapshot: Snapshot) -> tuple[WeightedWord, ...]:
    """The distinct content words of ``text``, in order; all its words when nothing else remains."""
    content = query_terms(text, snapshot.languages).words
    content = tuple(word for word in content if word not in _ASKING) or content
    return tuple(_weighted(word, snapshot) for word in content)


def _weighted(word: str, snapshot: Snapshot) -> WeightedWord:
    forms = _forms(word, snapshot.languages)
    # The same stem may belong to two languages; the commonest says how much the word tells apart.
    frequency = max(snapshot.document_frequency(form) for form in forms)
    # As in BM25 (Robertson & Zaragoza 2009), with the 1 that keeps common words above zero.
    weight = math.log(1 + (max(snapshot.n_chunks - frequency, 0) + 0.5) / (frequency + 0.5))
    return WeightedWord(word=word, forms=forms, weight=weight, known=frequency > 0)


def covered(wanted: Iterable[WeightedWord], forms: frozenset[str]) -> frozenset[str]:
    """The wanted words that occur among ``forms``."""
    return frozenset(word.word for word in wanted if not word.forms.isdisjoint(forms))


def share(wanted: Sequence[WeightedWord], found: frozenset[str]) -> float:
    """The weight of the words in ``found`` over the weight of all that were wanted, in [0, 1]."""
    total = sum(word.weight for word in wanted)
    return sum(word.weight for word in wanted if word.word in found) / total if total > 0 else 0.0
