"""What counts as one sentence, script by script, and what must hold for any text at all."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.sentences import sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


# "|" stands where a sentence ends and the next begins; it is not part of the text.
@pytest.mark.parametrize(
    "marked",
    [
        "It rained. |We stayed in.",
        "Did it rain? |It did! |We stayed in.",
        # titles, initials, acronyms
        "Dr. Smith met Mrs. Jones. |They spoke.",
        "Gen. Lee and Lt. Col. Brown left. |Nobody saw them.",
        "J. R. R. Tolkien wrote it. |He was English.",
        "The book by J. Smith is old. |The other is new.",
        "The U.S. Senate voted. |It passed.",
        "He lives in the U.S. |The house is old.",
        "Washington, D.C. is a city. |It is large.",
        "She works for Apple Inc. in Ireland. |He does not.",
        "She works for Apple Inc. |The firm is large.",
        "John Smith Jr. was born in St. Louis. |His father was not.",
        "The train leaves at 5 p.m. on Monday. |It is late.",
        "The train leaves at 5 p.m. |It is late.",
        "In the case Roe v. Wade it ruled. |That was in 1973.",
        "It was vitamin C. |They had none.",
        "So do I. |They do not.",
        "Ms. Lee holds a Ph.D. |She got it in May.",
        # numbers
        "Pi is 3.14 and no more. |That is enough.",
        "See No. 5 and p. 12 of Vol. II. |Then stop.",
        "Is it true? |No. |It is not.",
        "As Fig. 3 shows, it grows (cf. Sec. 4.2). |It stops later.",
        "It opened on Jan. 5 and closed in Dec. |The owner left.",
        "It happened in 1990. |The year was wet.",
        "It happened in 1990. |25 people saw it.",
        "The price is $5.00. |That is cheap.",
        "It weighs 5 kg. |The other weighs more.",
        "It is open to 6 pm. |Trains run till late.",
        "World War II. |Then came peace.",
        # Latin abbreviations
        "Use fruit, e.g. apples, i.e. Malus. |They keep.",
        "Apples, pears, etc. are fruit. |Nuts are not.",
        "Apples, pears, etc. |Nuts are not.",
        "Smith et al. (2020) found it. |Others did not.",
        "Smith et al. Found it hard.",
        "approx. 5 people came. |They left.",
        # quotation marks and brackets
        "He said: “Stop.” |Then he left.",
        'He said "Stop." |Then he left.',
        '"Was it you?" he asked. |"No!" she said.',
        "(He left.) |Then she left.",
        "He left (at last). |Then she left.",
        "He asked “Why?” |Nobody knew.",
        "It was Yahoo! that did it. |It failed.",
        "It is known.[12][13] |It is old.",
        "It is known.¹² |It is old.",
        "The court rejected the claim.12 |The appeal failed.",
        "It is **bold.** |It is *fine.* |It is `code`.",
        # ellipses
        "Wait... what happened? |Nothing.",
        "Wait… |What happened?",
        "Wait . . . what happened? |Nothing.",
        "Introduction ........ 5",
        # addresses
        "See www.example.org/a.html for more. |Write to a.b@example.org.",
        "Python 3.11.2 is out. |Node.js is too.",
        # German
        "Am 3. Oktober 1990 war es so weit. |Alle feierten.",
        "Das ist z. B. ein Hund bzw. eine Katze. |Er bellt.",
        "Die 2. Auflage erschien bei Dr. Meyer. |Sie war rot.",
        "Vgl. Abb. 3 und Kap. 4. |Dort steht es.",
        "Es begann 1990. |Es endete bald.",
        # French, Spanish, Russian
        "M. Dupont est là. |Il parle. |« Viens ! » |Elle vient.",
        "¿Qué hora es? |¡Es tarde! |El Sr. García se va.",
        "Он родился в 1990 г. в Москве, т.е. в столице. |Это было давно.",
        "А. С. Пушкин родился в Москве. |Он писал стихи.",
        # other scripts
        "今天下雨。|我们在家。|好吗？|好！",
        "他说：“你好。”|然后走了。",
        "彼は「はい。」と言った。|そして帰った。",
        "値は３．１４です。|終わり。",
        "هل تمطر؟ |نعم. |بقينا في البيت.",
        "क्या वर्षा हुई? |हाँ। |हम घर पर रहे।",
        "یہ کیا ہے؟ |یہ کتاب ہے۔ |وہ قلم ہے۔",
        "비가 왔다. |우리는 집에 있었다.",
    ],
)
def test_sentence_ends_where_a_reader_would_end_it(marked: str) -> None:
    assert sentences(marked.replace("|", "")) == [part.strip() for part in marked.split("|")]


# Each item of the list is one sentence; the text is written as documents hold it.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A line that was wrapped to the width\nof a page. Then more.", 2),
        ("The meeting was opened by President\nObama in the afternoon of that day. Then more.", 2),
        ("It was reported by the office of Dr.\nSmith in the afternoon of that day.", 1),
        ("A heading\n\nA paragraph without a full stop\n\nAnother one", 3),
        ("2 The proposal\nInstead of an invasion, the country proposes an initiative on\nits border.", 2),
        ("# Title\nText under it. More text.", 3),
        ("Title\n=====\nText under it.", 3),
        ("## Dr. No. A review", 1),
        ("- one item\n- another item\n  that goes on\n- a third. With two sentences.", 4),
        ("1. First do this.\n2. Then do that.\n10. Then rest", 3),
        ("a) first\nb) second\n(iii) third", 3),
        ("• one\n• two", 2),
        ("| a | b. C |\n|---|---|\n| 1 | 2 |", 3),
        ("Name | Age. Size\nAnn | 7", 2),
        ("```\nx = a. B\ny = 2\n```\nText.", 5),
        ("> quoted text that\n> goes on. Then more.\n\nplain", 3),
        ("Ann Smith\nThe Old Mill\nBakewell", 3),
        ("IV. Results\n\nThey were good.", 2),
        ("A. Methods\n\nWe asked people.", 2),
        ("今天下雨，我们一直在家里看书，等到晚上雨停了以后\n才出去散步，走了很远。很好。", 2),
        ("* * *", 1),
        ("…", 1),
        ("\n \t\n", 0),
        ("", 0),
    ],
)
def test_line_breaks_part_only_where_they_were_meant(text: str, expected: int) -> None:
    found = sentences(text)
    assert len(found) == expected, found


def test_long_unwrapped_lines_are_paragraphs_of_their_own() -> None:
    paragraph = "A paragraph, " * 20 + "on one line"
    assert sentences(f"{paragraph}\n{paragraph}") == [paragraph, paragraph]


def test_records_stay_on_their_lines() -> None:
    lines = [f"2024-03-{day:02} 12:00 Server {day} has restarted after a failure" for day in range(1, 13)]
    assert sentences("\n".join(lines)) == lines


def test_spans_are_offsets_into_the_text_as_it_is() -> None:
    assert sentence_spans("  One.\n\n  Two. ") == [(2, 6), (10, 14)]


texts = st.one_of(
    st.text(),
    st.text(alphabet=" \n\t.!?…。」\"')([]*#|->1aA,é中\u0301\u200b\x0c\u2028"),
    st.lists(
        st.sampled_from(
            [
                "Dr. ",
                "U.S. ",
                "e.g. ",
                "No. 5 ",
                "word ",
                "The ",
                "end. ",
                "end.\n",
                "\n\n",
                "- ",
                "1. ",
                "“Q.” ",
                "。",
            ]
        )
    ).map("".join),
)


@given(texts)
def test_spans_ascend_are_trimmed_and_cover_all_that_is_not_blank(text: str) -> None:
    spans = sentence_spans(text)
    covered = set()
    last = 0
    for start, end in spans:
        assert last <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip() != ""
        covered |= set(range(start, end))
        last = end
    assert all(text[i].isspace() for i in range(len(text)) if i not in covered)


@pytest.mark.parametrize(
    "unit",
    [
        *(
            ".",
            ". ",
            "a.",
            "A. ",
            '."',
            ".[1]",
            ".[",
            "(",
            "\n",
            " ",
            "e.g. ",
            "1. ",
            "|",
            " | ",
            "-",
            "- - ",
            "#",
        ),
        *(
            ">",
            "```\n",
            "。",
            "。」",
            "?!",
            "a\n",
            "A\n",
            "word ",
            "\x0c",
            "É",
            ". . ",
            "“",
            "a.12 B",
            "=",
            "…",
            "1.",
        ),
    ],
)
def test_time_grows_with_the_length_and_not_with_its_square(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    sentence_spans(text[:1000])
    started = time.process_time()
    sentence_spans(text)
    # A tenth of it is usual. What is quadratic needs far longer; a busy machine does not.
    assert time.process_time() - started < 3
