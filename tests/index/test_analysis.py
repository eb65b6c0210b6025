"""Words, stems and languages: what the keyword index and the selection of evidence agree on."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.analysis import (
    _MARKS,
    QueryTerms,
    _words_of_any,
    detect_language,
    query_terms,
    stem,
    stop_words,
    terms,
    words,
)
from index.stop_words import STOP_WORDS


def spelled(text: str) -> list[str]:
    return [word for word, _, _ in words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Cat's well-known café", ["the", "cat", "s", "well", "known", "café"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("The U.S. and the US, e.g. at 5 p.m.", ["the", "us", "and", "the", "us", "eg", "at", "5", "pm"]),
        ("1,000 people, 3.14 and 2024-03-15", ["1000", "people", "3.14", "and", "2024", "03", "15"]),
        ("snake_case x2 H2O m²", ["snake", "case", "x2", "h2o", "m2"]),
        ("ﬁne ＡＢＣ soft\u00adhyphen", ["fine", "abc", "softhyphen"]),
        ("cafe\u0301 \u0301", ["café"]),
        ("كِتَاب كتاب كتـــاب", ["كتاب", "كتاب", "كتاب"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("2008年中国人", ["2008", "年中", "中国", "国人"]),
        ("東京へ, 水", ["東京", "京へ", "水"]),
        ("ｶﾞﾗｽ ガラス", ["ガラ", "ラス", "ガラ", "ラス"]),
        ("한국어", ["한국", "국어"]),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8", ["한국"]),  # decomposed, as file names on macOS are
        ("", []),
        ("… — !", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert spelled(text) == expected


def test_offsets_point_into_the_text_as_it_is() -> None:
    text = "Ein  Cafe\u0301 in 東京都"
    assert [text[start:end] for _, start, end in words(text)] == ["Ein", "Cafe\u0301", "in", "東京", "京都"]


@given(st.text())
def test_any_text_has_words_in_order_without_white_space(text: str) -> None:
    last = 0
    for word, start, end in words(text):
        assert last <= start < end <= len(text)
        assert word
        assert not any(character.isspace() for character in word)
        last = start


@given(st.text())
def test_every_function_takes_any_text(text: str) -> None:
    language = detect_language(text)
    assert len(terms(text, language)) == len(words(text))
    found = query_terms(text, ["en", "de", "zh"])
    assert bool(found.words) == bool(words(text))
    assert all(term for term in (*found.words, *found.stems))


def test_stems_of_one_word_are_the_same() -> None:
    assert terms("Universities and a university", "en") == ["universiti", "and", "a", "universiti"]
    assert stem("häuser", "de") == stem("hauses", "de")
    assert stem("книги", "ru") == stem("книгой", "ru")


def test_words_stay_as_they_are_without_a_stemmer() -> None:
    assert terms("Universities 東京", None) == ["universities", "東京"]
    assert terms("東京", "ja") == ["東京"]
    assert stem("1990", "en") == "1990"
    assert stem("universities", "xx") == "universities"


def test_query_drops_stop_words_and_stems_in_each_language() -> None:
    assert query_terms("What are the capitals of France?", ["en", "de"]) == QueryTerms(
        words=("capitals", "france"), stems=("capit", "capital", "capitals", "franc", "france")
    )


def test_query_of_stop_words_alone_keeps_them() -> None:
    assert query_terms("To be or not to be", ["en"]).words == ("to", "be", "or", "not")


def test_query_of_an_undecided_language_uses_the_first_of_the_corpus() -> None:
    assert query_terms("war Goethe", ["en", "de"]).words == ("war", "goethe")
    assert query_terms("war Goethe", ["de", "en"]).words == ("goethe",)


def test_query_is_stemmed_in_four_languages_at_most() -> None:
    few = query_terms("universities", ["en", "de", "fr", "es"])
    assert query_terms("universities", ["en", "de", "fr", "es", "it", "ru"]) == few


def test_query_matches_texts_that_were_indexed_unstemmed() -> None:
    assert "universities" in query_terms("universities", ["en"]).stems


def test_stop_words_are_words_as_the_analysis_writes_them() -> None:
    for language in STOP_WORDS:
        wrong = [word for word in stop_words(language) if spelled(word) != [word]]
        assert (language, wrong) == (language, [])
    assert stop_words(None) == stop_words("xx") == frozenset()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("In what country is Normandy located?", "en"),
        ("Wann war die Schlacht bei Hastings?", "de"),
        ("Quelle est la capitale de la France ?", "fr"),
        ("¿Cuál es la capital de España?", "es"),
        ("Qual è la capitale d’Italia?", "it"),
        ("Qual é a capital de Portugal e quem vive lá?", "pt"),
        ("Wat is de hoofdstad van Nederland?", "nl"),
        ("Vad är huvudstaden i Sverige?", "sv"),
        ("Jaka jest stolica Polski i kto tam mieszka?", "pl"),
        ("Какая столица у России?", "ru"),
        ("Яка столиця України та хто її заснував?", "uk"),
        ("Ποια είναι η πρωτεύουσα της Ελλάδας;", "el"),
        ("ما هي عاصمة فرنسا؟", "ar"),
        ("پایتخت ایران کدام است؟", "fa"),
        ("भारत की राजधानी क्या है?", "hi"),
        ("法国的首都是什么？", "zh"),
        ("フランスの首都はどこですか。", "ja"),
        ("프랑스의 수도는 어디입니까?", "ko"),
        ("The teams are the Los Angeles Rams, Los Angeles Lakers and Los Angeles Kings in the league.", "en"),
        ("Hvad skal jeg have med, og må I tage hunden med?", "da"),
        ("Is it a thing that I own in a dog?", "en"),
        ("May I keep a dog?", None),  # two words are also Danish; a large I is not
        ("hello", None),
        ("Goethe 1749", None),
        ("x = f(y) + 2", None),
        ("2024-03-15 12:00", None),
        ("", None),
    ],
)
def test_language(text: str, language: str | None) -> None:
    assert detect_language(text) == language


def test_threads_stem_independently() -> None:
    text = "universities running nationalities happily " * 200
    expected = terms(text, "en")
    wrong: list[list[str]] = []

    def check() -> None:
        for _ in range(20):
            found = terms(text, "en")
            if found != expected:
                wrong.append(found)

    threads = [threading.Thread(target=check) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    "unit", ["a", "a.", "a.b", "1,", "1.1", "中", "\u0301", "a\u0301", "ｶﾞ", ".", " ", "a "]
)
def test_time_grows_with_the_length_and_not_with_its_square(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    started = time.process_time()
    words(text)
    detect_language(text)
    assert time.process_time() - started < 3


@given(st.text(alphabet="aBz09.,  -'_\n\t" + "".join(map(chr, _MARKS))))
def test_plain_english_has_the_same_words_on_the_quick_way(text: str) -> None:
    assert words(text) == _words_of_any(text)
