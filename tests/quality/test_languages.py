"""One index holds documents in six languages, and each answers a question in its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from index.documents import ParsedDocument
from index.embeddings import Embedder
from index.ingest import ingest_documents
from index.store import Store
from rag.ask import Assistant
from rag.build import build_assistant
from rag.languages import weak_language_notice
from rag.settings import load_settings
from tests.fakes import WordCountEmbedder
from ui.plaintext import answer_lines

pytestmark = pytest.mark.model

FERRY = {
    "en": "The ferry to the island leaves at nine in the morning. Dogs travel free of charge.",
    "de": "Die Fähre zur Insel fährt um neun Uhr am Morgen ab. Hunde fahren kostenlos mit.",
    "es": "El transbordador a la isla sale a las nueve de la mañana. Los perros viajan gratis.",
    "ru": "Паром на остров отправляется в девять часов утра. Собаки ездят бесплатно.",
    "zh": "开往岛上的渡轮早上九点出发。狗可以免费乘船。",
    "ar": "تغادر العبارة إلى الجزيرة في التاسعة صباحا. تسافر الكلاب مجانا.",
}
HEAT = {
    "en": "The heating of the house was repaired in May by a firm from the town.",
    "de": "Die Heizung des Hauses wurde im Mai von einer Firma aus der Stadt repariert.",
    "es": "La calefacción de la casa fue reparada en mayo por una empresa de la ciudad.",
    "ru": "Отопление в доме починила в мае фирма из города.",
    "zh": "房子的暖气在五月由城里的一家公司修好了。",
    "ar": "تم إصلاح تدفئة المنزل في مايو من قبل شركة من المدينة.",
}
QUESTIONS = {
    "en": ("When does the ferry to the island leave?", "nine in the morning"),
    "de": ("Wann fährt die Fähre zur Insel ab?", "neun Uhr"),
    "es": ("¿A qué hora sale el transbordador a la isla?", "nueve"),
    "ru": ("Когда отправляется паром на остров?", "девять"),
    "zh": ("开往岛上的渡轮几点出发？", "九点"),
    "ar": ("متى تغادر العبارة إلى الجزيرة؟", "التاسعة"),
}


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory, minilm: Embedder) -> Iterator[Assistant]:
    data: Path = tmp_path_factory.mktemp("languages")
    with Store.open(data) as store:
        documents = [
            (f"{topic}.{language}.txt", ParsedDocument(text=text))
            for topic, texts in (("ferry", FERRY), ("heating", HEAT))
            for language, text in texts.items()
        ]
        ingest_documents(store, minilm, documents)
        assert {row.path.split(".")[1]: row.language for row in store.documents()} == {
            language: language for language in FERRY
        }
        built = build_assistant(load_settings({"data": data}), store, minilm)
        yield built
        built.close()


@pytest.mark.parametrize("language", list(QUESTIONS))
def test_each_language_is_answered_from_its_own_document(assistant: Assistant, language: str) -> None:
    question, words = QUESTIONS[language]
    answer = assistant.ask(question)
    assert answer.status == "answered"
    assert words in answer.sentences[0].text
    assert answer.citations[0].name == f"ferry.{language}.txt"


def test_a_question_in_a_language_that_the_model_is_weak_in_says_so(assistant: Assistant) -> None:
    answer = assistant.ask(QUESTIONS["de"][0])
    assert answer.notice.endswith("or set embedding.model to a model of many languages.")
    assert (
        "Your question is in German. The embedding model all-MiniLM-L6-v2 knows English well" in answer.notice
    )
    assert f"Note: {answer.notice}" in list(answer_lines(answer))
    assert "Your question is in" not in assistant.ask(QUESTIONS["en"][0]).notice


def test_nothing_is_said_of_a_model_whose_languages_are_not_known() -> None:
    assert weak_language_notice(QUESTIONS["ru"][0], WordCountEmbedder(["ferry"])) == ""
