"""PDF: pages, paragraphs, joined words, headings; and what cannot be read."""

from __future__ import annotations

import threading
from io import BytesIO
from typing import Any

import pytest

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.loaders import load
from tests.index.files import pdf
from tests.index.hostile_pdf import one_page


def read(*pages: list[str], **options: Any) -> ParsedDocument:
    return load(pdf(*pages, **options), "a.pdf")


def problem(data: bytes, **limits: Any) -> str:
    with pytest.raises(DocumentError) as caught:
        load(data, "a.pdf", **limits)
    assert caught.value.hint
    return caught.value.problem


STORY = [
    "The ferry to the island leaves at nine in the morning and comes back at four in",
    "the afternoon, except on Sundays, when it does not run at all because the crew",
    "rests. Tickets are sold on board.",
    "",
    "Dogs travel free of charge, but they must be kept on a lead while they are on the",
    "upper deck of the ship.",
]


def test_lines_of_a_paragraph_are_joined_and_paragraphs_parted() -> None:
    assert read(STORY).text == (
        "The ferry to the island leaves at nine in the morning and comes back at four in the afternoon, "
        "except on Sundays, when it does not run at all because the crew rests. Tickets are sold on board."
        "\n\n"
        "Dogs travel free of charge, but they must be kept on a lead while they are on the upper deck of "
        "the ship."
    )


def test_words_broken_at_a_line_end_are_whole_again() -> None:
    text = read(
        [
            "The installation of the new state-of-the-art heating began with a long prepa-",
            "ration, and the well-known firm that did it called it a self-contained and low-",
            "maintenance system; the heating itself was delivered in May, as the Anglo-",
            "Saxon partners had promised in the contract, and a well-",
            "known engineer came with it to look after the heat-",
            "ing of the whole house.",
        ]
    ).text
    assert "long preparation, and" in text
    assert "and low-maintenance system" in text
    assert "the Anglo-Saxon partners" in text
    assert "a well-known engineer" in text
    assert "the heating of the whole" in text


def test_lines_that_were_ended_on_purpose_stay_apart() -> None:
    text = read(
        [
            "Please send the signed form and a copy of your passport within thirty days of the",
            "date of this letter to:",
            "Harbour Office",
            "12 Quay Street",
            "Port Ellen",
        ]
    ).text
    assert text.endswith("letter to:\nHarbour Office\n12 Quay Street\nPort Ellen")


def test_list_items_begin_on_lines_of_their_own() -> None:
    text = read(
        [
            "• Bring a warm coat, since it can be cold on the upper deck even in the summer",
            "months of the year.",
            "• Bring something to eat.",
            "1. First things come first, and so this line is long enough to fill it all",
            "2. Second",
        ]
    ).text
    assert text.split("\n") == [
        "• Bring a warm coat, since it can be cold on the upper deck even in the summer months of the year.",
        "• Bring something to eat.",
        "1. First things come first, and so this line is long enough to fill it all",
        "2. Second",
    ]


def test_pages_are_called_as_in_print() -> None:
    def label(paper: Any, number: int) -> None:
        if number == 0:
            paper.addPageLabel(0, style="ROMAN_LOWER", start=4)
            paper.addPageLabel(1, style="ARABIC", start=1)
            paper.addPageLabel(3, prefix="A-", style="ARABIC", start=1)

    document = load(pdf(["Preface."], ["Beginning."], [], ["Annex."], draw=label), "a.pdf")
    words = [document.locator_at(document.text.index(word)) for word in ("Preface", "Beginning", "Annex")]
    assert words == ["p. iv", "p. 1", "p. A-1"]
    assert document.page_at(document.text.index("Annex")) == 4
    assert load(pdf(["One."], ["Two."]), "a.pdf").locators == ()


def test_pages_start_where_they_say() -> None:
    document = read(["First page."], ["Second page."], [], ["Fourth page."])
    assert document.text == "First page.\n\nSecond page.\n\nFourth page."
    assert document.page_starts == (0, 13, 27, 27)
    assert [document.page_at(document.text.index(word)) for word in ("First", "Second", "Fourth")] == [
        1,
        2,
        4,
    ]
    assert document.warnings == ()


def test_a_sentence_that_runs_over_the_page_is_not_parted_by_a_blank_line() -> None:
    document = read(["The ferry leaves at nine and comes"], ["back at four."])
    assert document.text == "The ferry leaves at nine and comes\nback at four."


def test_running_heads_stay_once_and_page_numbers_go() -> None:
    def head_and_foot(paper: Any, number: int) -> None:
        paper.setFont("Helvetica", 9)
        paper.drawString(72, 810, "The ferry handbook")
        paper.drawString(300, 30, str(number + 1))

    document = read(*(STORY for _ in range(4)), draw=head_and_foot)
    assert document.text.count("The ferry handbook") == 1
    assert document.text.count("Dogs travel free") == 4
    assert not any(line.strip().isdigit() for line in document.text.split("\n"))


def test_columns_whose_lines_stand_side_by_side_are_read_one_after_the_other() -> None:
    left = [
        "The left column tells a story that",
        "goes down the page line by line and",
        "does not mix with the other one,",
        "because it is a column of its",
        "own and ends here.",
    ]
    right = [
        "The right column begins when the",
        "left one has ended, and it is read",
        "after it, also line by line,",
        "until it is over as well and the",
        "page is done.",
    ]

    def columns(paper: Any, number: int) -> None:
        paper.setFont("Helvetica", 10)
        for row, pair in enumerate(zip(left, right, strict=True)):
            for x, words in zip((72, 320), pair, strict=True):
                paper.drawString(x, 700 - 12 * row, words)

    document = read([], draw=columns)
    assert document.text == f"{' '.join(left)}\n\n{' '.join(right)}"


def test_table_rows_are_lines() -> None:
    def table(paper: Any, number: int) -> None:
        paper.setFont("Helvetica", 10)
        for row, cells in enumerate(
            [("Month", "Trips", "Guests"), ("May", "31", "2,400"), ("June", "30", "3,100")]
        ):
            for x, cell in zip((72, 220, 360), cells, strict=True):
                paper.drawString(x, 700 - 14 * row, cell)

    assert read([], draw=table).text == "Month Trips Guests\nMay 31 2,400\nJune 30 3,100"


def test_large_lines_are_headings_when_there_is_no_outline() -> None:
    document = read(["# Ferry handbook", *STORY, "", "# Fares", "Grown-ups pay nine pounds."])
    assert [(h.level, h.title, document.text[h.start : h.end]) for h in document.headings] == [
        (1, "Ferry handbook", "Ferry handbook"),
        (1, "Fares", "Fares"),
    ]
    assert document.title == "Ferry handbook"
    assert document.heading_path(document.text.index("nine pounds")) == ("Fares",)


def test_the_outline_gives_headings_with_their_levels() -> None:
    document = read(
        ["1. Travelling", "By ship and by bus, as you like."],
        ["1.1 Fares", "Grown-ups pay nine pounds.", "2. Stay"],
        outline=[("Travelling", 0, 0), ("Fares", 1, 1), ("2. Stay", 1, 0)],
    )
    assert [(h.level, h.title) for h in document.headings] == [
        (1, "1. Travelling"),
        (2, "1.1 Fares"),
        (1, "2. Stay"),
    ]
    for heading in document.headings:
        assert document.text[heading.start : heading.end] == heading.title


def test_an_outline_in_broken_utf16_costs_its_entry_and_no_more() -> None:
    data = pdf(["Fares", "Nine pounds."], outline=[("Fares", 0, 0)], title="Guide")
    for good in (b"(Fares)", b"(Guide)"):
        assert good in data
        data = data.replace(good, b"(\\376\\377\\330\\000)", 1)  # half of a surrogate pair
    document = load(data, "a.pdf")
    assert document.text == "Fares\nNine pounds."
    assert document.title == ""


def test_the_title_is_that_of_the_properties_when_a_person_wrote_it() -> None:
    assert read(["Text."], title="Ferry handbook 2024").title == "Ferry handbook 2024"
    assert read(["Text."], title="untitled").title == ""


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_turned_page_reads_like_an_upright_one(angle: int) -> None:
    import pypdfium2

    with pypdfium2.PdfDocument(pdf(STORY)) as source:
        source[0].set_rotation(angle)
        buffer = BytesIO()
        source.save(buffer)
    assert load(buffer.getvalue(), "a.pdf").text == read(STORY).text


@pytest.mark.parametrize("angle", [90, 180, 270])
@pytest.mark.parametrize("shown", [0, 90, 180, 270])
def test_turned_text_reads_like_upright_text(angle: int, shown: int) -> None:
    import pypdfium2

    def turned(paper: Any, number: int) -> None:
        paper.translate(300, 400)
        paper.rotate(angle)
        paper.setFont("Helvetica", 11)
        for number, line in enumerate(STORY):
            paper.drawString(-240, 100 - 13.75 * number, line)

    with pypdfium2.PdfDocument(pdf([], draw=turned)) as source:
        source[0].set_rotation(shown)
        buffer = BytesIO()
        source.save(buffer)
    assert load(buffer.getvalue(), "a.pdf").text == read(STORY).text


def test_what_was_typed_into_a_form_is_read() -> None:
    def form(paper: Any, number: int) -> None:
        paper.acroForm.textfield(name="who", value="Ann Example", x=200, y=600, width=200, height=20)

    assert "Ann Example" in read(["Name of the guest:"], draw=form).text


def picture(paper: Any, number: int) -> None:
    from reportlab.lib.utils import ImageReader

    pixels = BytesIO(b"P6 2 2 255\n" + bytes(12))
    if number:
        paper.drawImage(ImageReader(pixels), 100, 100, 400, 600)


def test_pages_that_are_pictures_are_named_in_a_warning() -> None:
    document = read(["Words."], [], [], draw=picture)
    assert document.warnings == (
        "No text on pages 2 and 3: probably scanned pictures, which are not searched.",
    )


def test_a_scan_without_any_text_is_refused() -> None:
    data = pdf([], draw=lambda paper, _: picture(paper, 1))
    assert problem(data) == "no_text"
    assert problem(pdf([])) == "no_text"


def test_a_password_is_asked_for() -> None:
    with pytest.raises(DocumentError, match="needs a password") as caught:
        load(pdf(["secret"], password="x"), "a.pdf")
    assert caught.value.problem == "password"
    assert caught.value.hint == "Remove the password and index the file again."


def test_a_file_without_pages_does_not_get_the_cause_of_the_file_before() -> None:
    assert problem(pdf(["secret"], password="x")) == "password"
    assert problem(one_page(pages=b"/Kids [] /Count 0")) == "damaged"


def test_a_truncated_file_is_damaged_or_read() -> None:
    data = pdf(STORY, STORY)
    assert problem(data[:200]) == "damaged"
    assert problem(b"%PDF-1.4\nnothing else") == "damaged"


def test_limits_are_kept() -> None:
    assert problem(pdf(["a"], ["b"], ["c"]), max_pages=2) == "too_large"
    assert problem(pdf(STORY), max_chars=20) == "too_large"


def test_files_are_read_in_several_threads_at_once() -> None:
    data = pdf(STORY, STORY)
    expected = load(data, "a.pdf")
    results: list[ParsedDocument] = []
    threads = [threading.Thread(target=lambda: results.append(load(data, "a.pdf"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 8
