from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from index.analysis import words
from index.sentences import sentence_spans
from rag.answers import Passage
from rag.asked import Asked, asked
from rag.composition import MOST_SENTENCES, answer_from, compose
from rag.evidence import EvidenceSentence
from rag.units import MOST_CHARS


def passage(text: str, *, version: int = 1, start: int = 0, headings: Sequence[str] = ()) -> Passage:
    """A passage of document ``version``; ``headings`` are lines of ``text``."""
    return Passage(
        chunk_id=100 * version + start,
        doc_id=f"d{version}",
        version_id=version,
        collection="Documents",
        path=f"folder/{version}.md",
        title="",
        page=None,
        heading_path=tuple(headings[:1]),
        start=start,
        end=start + len(text),
        text=text,
        score=0.5,
        cosine=0.5,
        bm25=1.0,
        headings=tuple(
            (start + text.index(heading), start + text.index(heading) + len(heading)) for heading in headings
        ),
    )


def scored(of: Passage, scores: dict[str, float], *, wanted: str = "") -> list[EvidenceSentence]:
    """Sentences of a passage by their beginning; each covers the words of ``wanted`` that it holds."""
    found = []
    for beginning, score in scores.items():
        start, end = next(
            span for span in sentence_spans(of.text) if of.text[span[0] :].startswith(beginning)
        )
        text = of.text[start:end]
        found.append(
            EvidenceSentence(
                passage=of,
                start=of.start + start,
                end=of.start + end,
                text=text,
                score=score,
                signals={},
                covers=frozenset(word for word in wanted.split() if word in text.casefold()),
            )
        )
    return found


def chosen(question: str, evidence: Sequence[EvidenceSentence]) -> list[str]:
    return [sentence.text for sentence in compose(asked(question), evidence)]


# -- one or two sentences --------------------------------------------------------------------------------

PHONE = passage("The phone lasts 24 months. The battery lasts 12 months. Months pass. The box is blue.")


def test_nothing_comes_of_no_evidence() -> None:
    assert compose(asked("List all parties"), []) == ()
    assert answer_from(asked("Who?"), []) == ((), ())


def test_a_fact_takes_one_sentence() -> None:
    evidence = scored(PHONE, {"The phone": 2.0, "Months": 1.9, "The box": 1.9}, wanted="phone months")
    assert chosen("How many months does the phone last?", evidence) == ["The phone lasts 24 months."]


def test_a_second_sentence_is_nearly_as_good_and_adds_what_was_asked() -> None:
    question = "How long do the phone and the battery last?"
    nearly = scored(PHONE, {"The phone": 2.0, "The battery": 1.6}, wanted="phone battery")
    assert chosen(question, nearly) == ["The phone lasts 24 months.", "The battery lasts 12 months."]
    worse = scored(PHONE, {"The phone": 2.0, "The battery": 1.4}, wanted="phone battery")
    assert chosen(question, worse) == ["The phone lasts 24 months."]


def test_two_documents_that_together_hold_the_question_are_both_quoted_and_named() -> None:
    rollo = passage("Rollo swore fealty in 911.", version=1)
    gaunt = passage("Gaunt was a duke of Lancaster.", version=2)
    question = "Who swore fealty: Rollo or Gaunt?"
    evidence = [
        *scored(rollo, {"Rollo": 2.0}, wanted="rollo swore fealty gaunt"),
        *scored(gaunt, {"Gaunt": 1.1}, wanted="rollo swore fealty gaunt"),
    ]
    sentences, citations = answer_from(asked(question), evidence)
    assert [(sentence.group, sentence.text) for sentence in sentences] == [
        ("1.md", "Rollo swore fealty in 911."),
        ("2.md", "Gaunt was a duke of Lancaster."),
    ]
    assert [citation.version_id for citation in citations] == [1, 2]


def test_another_document_that_adds_one_common_word_is_left_out() -> None:
    rollo = passage("Rollo swore fealty in 911.", version=1)
    other = passage("They swore and the leader left.", version=2)
    evidence = [
        *scored(rollo, {"Rollo": 2.0}, wanted="rollo swore fealty leader"),
        *scored(other, {"They": 1.3}, wanted="rollo swore fealty leader"),
    ]
    assert chosen("Which leader swore fealty to whom, Rollo?", evidence) == ["Rollo swore fealty in 911."]


def test_a_yes_or_no_question_is_answered_with_evidence_only() -> None:
    evidence = scored(PHONE, {"The phone": 2.0}, wanted="phone")
    (sentence,), _ = answer_from(asked("Does the phone last?"), evidence)
    assert (sentence.text, sentence.verdict, sentence.short_answer) == (
        "The phone lasts 24 months.",
        "quoted",
        None,
    )


def test_the_short_answer_is_marked_where_one_was_asked_for() -> None:
    (found,) = scored(PHONE, {"The phone": 2.0})
    evidence = [
        EvidenceSentence(
            passage=found.passage,
            start=found.start,
            end=found.end,
            text=found.text,
            score=2.0,
            signals={},
            covers=frozenset(),
            short_answer=(16, 25),
        )
    ]
    for question, marked in {
        "How long?": (16, 25),
        "Which months are meant?": (16, 25),
        "Sum up all": None,
    }.items():
        (sentence,), _ = answer_from(asked(question), evidence)
        assert sentence.short_answer == marked


# -- what a question binds -------------------------------------------------------------------------------

YEARS = passage("In 2018 sales were 5 million. In 2019 sales were 6 million. The sales team has 5 members.")


def test_another_year_stands_behind_the_one_that_was_asked_for() -> None:
    evidence = scored(YEARS, {"In 2018": 2.0, "In 2019": 1.8}, wanted="sales")
    assert chosen("What were the sales of 2019?", evidence) == ["In 2019 sales were 6 million."]
    assert chosen("What were the sales of 2018?", evidence) == ["In 2018 sales were 5 million."]
    assert chosen("Which markets had sales in 2019?", evidence) == ["In 2019 sales were 6 million."]


def test_another_year_stays_in_front_when_nothing_holds_the_one_asked_for() -> None:
    evidence = scored(YEARS, {"In 2018": 2.0, "The sales": 1.8}, wanted="sales 2017")
    assert chosen("What were the sales of 2017?", evidence) == ["In 2018 sales were 5 million."]


def test_another_year_below_a_heading_with_the_right_one_is_no_contradiction() -> None:
    report = passage("Report for 2019\n\nSales rose from 5 million in 2018.", headings=["Report for 2019"])
    note = passage("Sales reports of 2019 are here.", version=2)
    evidence = [
        *scored(report, {"Sales rose": 2.0}, wanted="sales 2019"),
        *scored(note, {"Sales reports": 1.0}, wanted="sales 2019"),
    ]
    assert chosen("How did sales rise in 2019?", evidence)[0] == "Sales rose from 5 million in 2018."


def test_another_article_stands_behind_the_one_that_was_asked_for() -> None:
    law = passage("Article 13 sets the fees for a permit. Article 12 sets the fees. It costs 12 euros.")
    evidence = scored(law, {"Article 13": 2.0, "Article 12": 1.7, "It costs": 0.5}, wanted="article fees 12")
    assert chosen("What does article 12 say on fees?", evidence) == ["Article 12 sets the fees."]


def test_a_list_of_what_is_not_so_holds_denials_only() -> None:
    of = passage("Text files are read at once. Scans cannot be read. Locked files are never read.")
    scores = {"Text": 1.0, "Scans": 1.0, "Locked": 0.9}
    listed = compose(asked("Which files can not be read?"), scored(of, scores))
    assert [sentence.text for sentence in listed] == ["Scans cannot be read.", "Locked files are never read."]
    assert compose(asked("Which files can be read?"), scored(of, scores))[0].text.startswith("Text files")
    only = scored(of, {"Text": 1.0})
    assert len(compose(asked("Which files can not be read?"), only)) == 1


def test_a_question_with_a_denial_prefers_a_sentence_with_one() -> None:
    text = passage("Footnote reads PDF files. Scans cannot be read.")
    evidence = scored(text, {"Footnote": 2.0, "Scans": 1.9}, wanted="read")
    assert chosen("What can not be read?", evidence) == ["Scans cannot be read."]
    assert chosen("What can be read?", evidence) == ["Footnote reads PDF files."]


# -- lists -----------------------------------------------------------------------------------------------

STEPS = passage(
    "Burnout shows itself when these behaviours occur:\n\n"
    "- Being tired.\n- Being late. Every day.\n- Being rude.\n\n"
    "It passes with rest, sleep and holidays.\n\nNobody counts it."
)
ITEMS = [
    "Burnout shows itself when these behaviours occur:",
    "- Being tired.",
    "- Being late.",
    "Every day.",
    "- Being rude.",
]


def test_a_sentence_that_ends_in_a_colon_brings_its_list() -> None:
    evidence = scored(STEPS, {"Burnout": 2.0, "Nobody": 0.2}, wanted="burnout")
    sentences, citations = answer_from(asked("When does burnout occur?"), evidence)
    assert [sentence.text for sentence in sentences] == ITEMS
    assert [sentence.markers for sentence in sentences] == [(1,), (2,), (3,), (4,), (5,)]
    assert [STEPS.text[citation.start : citation.end] for citation in citations] == ITEMS


def test_a_list_question_gets_the_whole_list_when_one_item_was_found() -> None:
    evidence = scored(STEPS, {"- Being late": 1.2, "Nobody": 0.8})
    assert chosen("What are the behaviours?", evidence) == ITEMS


def test_a_list_of_the_next_passage_is_found_where_passages_overlap() -> None:
    whole = "The steps are:\n- Wash.\n- Dry."
    early = passage(whole[:14], version=3)
    late = passage(whole, version=3)
    late = Passage(**{name: getattr(late, name) for name in Passage.__dataclass_fields__} | {"chunk_id": 7})
    evidence = [*scored(early, {"The steps": 2.0}), *scored(late, {"- Dry": 0.3})]
    assert chosen("How is it done?", evidence) == ["The steps are:", "- Wash.", "- Dry."]


def test_a_colon_without_what_it_announces_is_not_chosen() -> None:
    cut = passage("It costs 5 euros. The fees are these:")
    evidence = scored(cut, {"The fees": 2.0, "It costs": 1.0}, wanted="fees")
    assert chosen("What is the fee?", evidence) == ["It costs 5 euros."]
    assert chosen("What is the fee?", evidence[:1]) == ["The fees are these:"]


def test_what_stands_under_the_next_heading_is_not_announced() -> None:
    cut = passage("It costs 5 euros. The fees are these:\n\nDiscounts\n\nNone.", headings=["Discounts"])
    assert chosen("What is the fee?", scored(cut, {"The fees": 2.0, "It costs": 1.0})) == [
        "It costs 5 euros."
    ]


def test_a_table_is_listed_with_its_head() -> None:
    table = passage("Party | Part\nUnited States | Offers.\nEgypt | Guards.\n\nThe note is short.")
    evidence = scored(table, {"Party": 2.0, "Egypt": 0.8, "The note": 0.5}, wanted="part")
    assert chosen("List the parties", evidence) == [
        "Party | Part",
        "United States | Offers.",
        "Egypt | Guards.",
    ]


def test_a_sentence_that_enumerates_comes_before_plain_ones_of_a_list_answer() -> None:
    formats = passage(
        "It reads PDF, Word and plain text. A format can be opened. Files of any format are kept. Rain fell."
    )
    evidence = scored(formats, {"A format": 1.0, "It reads": 0.8, "Files of": 0.5, "Rain": 0.1})
    assert chosen("Which formats are read?", evidence) == [
        "It reads PDF, Word and plain text.",
        "A format can be opened.",
    ]


def test_a_clause_is_no_enumeration() -> None:
    formats = passage("A format can be opened. It stays open, with the reason and what to do about it.")
    evidence = scored(formats, {"A format": 1.0, "It stays": 0.7})
    assert chosen("Which formats are read?", evidence) == ["A format can be opened."]


def test_the_head_of_a_table_is_no_second_sentence() -> None:
    table = passage("The initiative guards lives.\n\nParty | Part\nEgypt | Guards.\nIsrael | Talks.")
    evidence = scored(table, {"The initiative": 1.0, "Party": 0.9}, wanted="initiative part")
    assert chosen("What part does the initiative play?", evidence) == ["The initiative guards lives."]


def test_lines_after_a_colon_are_not_taken_for_a_list() -> None:
    code = passage("Formats are read. Colours are seen.\n\ndef paths() -> list:\n    return []", version=2)
    evidence = scored(code, {"Formats": 1.0, "def": 0.5})
    assert chosen("Which formats are read?", evidence) == ["Formats are read."]


# -- comparisons and summaries ---------------------------------------------------------------------------


def test_each_side_of_a_comparison_gets_a_sentence_if_it_has_one() -> None:
    tea = passage("Tea is a leaf. Tea is green or black. Tea comes from Asia. The cup is full.", version=1)
    coffee = passage("Coffee is a bean.", version=2)
    evidence = [
        *scored(tea, {"Tea is a leaf": 2.0, "Tea is green": 1.9, "The cup": 1.8}, wanted="tea coffee"),
        *scored(coffee, {"Coffee": 0.4}, wanted="tea coffee"),
    ]
    sentences, _ = answer_from(asked("What is the difference between tea and coffee?"), evidence)
    assert [(sentence.group, sentence.text) for sentence in sentences] == [
        ("1.md", "Tea is a leaf."),
        ("1.md", "Tea is green or black."),
        ("2.md", "Coffee is a bean."),
    ]


def test_a_side_that_a_pronoun_names_is_what_is_not_the_other() -> None:
    text = passage("Coffee is a bean. Tea is a leaf. The cup is full.")
    evidence = scored(text, {"Coffee": 2.0, "Tea": 0.5, "The cup": 1.9}, wanted="tea coffee")
    assert chosen("How does it differ from coffee?", evidence) == ["Coffee is a bean.", "Tea is a leaf."]


REPORT = passage(
    "1 Aim\n\nThe plan guards a border. It has two aims. Lives are spared by it.\n\n"
    "2 Parties\n\nThree governments join in. Egypt is one.\n\n"
    "3 Outlook\n\nTalks follow in spring. Nobody knows more.",
    headings=["1 Aim", "2 Parties", "3 Outlook"],
)


def test_a_summary_is_spread_over_the_sections_and_reads_in_order() -> None:
    evidence = scored(
        REPORT,
        {
            "Lives": 1.2,
            "It has": 1.1,
            "The plan": 1.05,
            "Three": 0.7,
            "Talks": 0.5,
            "Egypt": 0.2,
            "Nobody": 0.1,
        },
    )
    found = chosen("What is the report about?", evidence)
    assert found == [
        "The plan guards a border.",
        "It has two aims.",
        "Lives are spared by it.",
        "Three governments join in.",
        "Talks follow in spring.",
    ]


def test_a_document_that_never_names_what_was_asked_about_is_left_out_of_a_summary() -> None:
    first = passage("Hamas is weakened. A border is guarded.", version=1)
    second = passage("Documents are deleted.", version=2)
    evidence = [
        *scored(first, {"Hamas": 1.0, "A border": 0.6}, wanted="hamas documents"),
        *scored(second, {"Documents": 0.9}, wanted="hamas documents"),
    ]
    question = "What do my documents say about Hamas?"
    assert chosen(question, evidence) == ["Hamas is weakened.", "A border is guarded."]


def test_the_better_document_comes_first_in_a_grouped_answer() -> None:
    first, second = passage("Rain falls in May.", version=1), passage("Snow lies in the hills.", version=2)
    evidence = [*scored(first, {"Rain": 0.9}), *scored(second, {"Snow": 1.0})]
    sentences, _ = answer_from(asked("What is the weather like? Tell me about it"), evidence)
    assert [sentence.group for sentence in sentences] == ["2.md", "1.md"]


def test_what_two_documents_say_alike_is_said_once() -> None:
    first, second = (
        passage("The border plan has two aims.", version=1),
        passage("the border plan has two AIMS", version=2),
    )
    evidence = [*scored(first, {"The border": 1.0}), *scored(second, {"the border": 1.0})]
    sentences, _ = answer_from(asked("Summarise the plan"), evidence)
    assert [(sentence.text, sentence.group) for sentence in sentences] == [
        ("The border plan has two aims.", "")
    ]


def test_no_answer_has_more_than_six_sentences() -> None:
    said = [
        "Rain falls.",
        "Snow lies.",
        "Wind blows.",
        "Fog hangs.",
        "Hail hits.",
        "Dew forms.",
        "Ice melts.",
    ]
    evidence = scored(passage(" ".join(said)), dict.fromkeys(said, 1.0))
    for question in ("Summarise it", "Which kinds of weather are there?", "Compare the kinds of weather"):
        found = chosen(question, evidence)
        assert found == said[: len(found)]
        assert len(found) == (5 if question == "Summarise it" else MOST_SENTENCES)


# -- what always holds -----------------------------------------------------------------------------------

LINES = st.sampled_from(
    [
        "Rain falls in May.",
        "Rain falls in May!",
        "Snow lies in 2019 on Alps, Andes and Urals.",
        "Snow does not lie in 2018.",
        "These are the rivers:",
        "- Seine, in France.",
        "- Rhine. It is long.",
        "1. Danube",
        "River | Length",
        "---|---",
        "Rhine | 1,233 km",
        "# Rivers",
        "",
        "x" * 700 + ".",
        "河流很长。它们流入大海。",
    ]
)
TEXTS = st.lists(LINES, min_size=1, max_size=12).map("\n".join).filter(str.strip)
ASKED = st.sampled_from(
    [
        "How long is the Rhine?",
        "Is snow not in 2019?",
        "Which rivers are long?",
        "Compare rain with snow",
        "How does it differ from rain?",
        "Summarise it",
    ]
).map(asked)


def vocabulary(text: str) -> frozenset[str]:
    return frozenset(word for word, _, _ in words(text)) or frozenset(text.split())


@given(texts=st.lists(TEXTS, min_size=1, max_size=4), what=ASKED, seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_whatever_is_chosen_is_verbatim_said_once_within_limits_and_in_any_order_of_evidence_the_same(
    texts: list[str], what: Asked, seed: int
) -> None:
    chance = random.Random(seed)
    evidence = [
        EvidenceSentence(
            passage=of,
            start=start,
            end=end,
            text=of.text[start:end],
            score=chance.choice([-1.0, 0.0, 0.4, 0.9, 1.0]),
            signals={},
            covers=frozenset(
                word for word in ("rain", "snow", "rhine") if word in of.text[start:end].casefold()
            ),
        )
        for of in (passage(text, version=version) for version, text in enumerate(texts, start=1))
        for start, end in sentence_spans(of.text)
    ]
    found = compose(what, evidence)
    by_version = dict(enumerate(texts, start=1))
    for sentence in found:
        assert by_version[sentence.passage.version_id][sentence.start : sentence.end] == sentence.text
    # A single sentence may be as long as it is.
    assert len(found) == 1 or sum(len(sentence.text) for sentence in found) <= MOST_CHARS
    for one, other in combinations(found, 2):
        same = one.passage.version_id == other.passage.version_id
        assert not (same and one.start < other.end and other.start < one.end)
        if one.passage.version_id != other.passage.version_id:
            assert vocabulary(one.text) != vocabulary(other.text)
    shuffled = evidence.copy()
    chance.shuffle(shuffled)
    assert compose(what, shuffled) == found
    sentences, citations = answer_from(what, evidence)
    assert [citation.quote for citation in citations] == [sentence.text for sentence in sentences]
    assert bool(sentences) == bool(evidence)
