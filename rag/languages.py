"""What a person should know who asks in a language that the embedding model is weak in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from index.analysis import detect_language
from index.languages import language_name
from rag.refusal import listed

if TYPE_CHECKING:
    from index.embeddings import Embedder


def weak_language_notice(question: str, embedder: Embedder) -> str:
    """What a person should know whose question is in a language that the model is weak in; "" for others."""
    language = detect_language(question)
    if language is None or embedder.languages is None or language in embedder.languages:
        return ""
    name = language_name(language)
    known = listed([language_name(code) for code in sorted(embedder.languages)])
    return (
        f"Your question is in {name}. The embedding model {embedder.name} knows {known} well and {name} less,"
        " so this was found mostly by the words that question and documents share: ask in the words, and in"
        " the language, of your documents, or set embedding.model to a model of many languages."
    )
