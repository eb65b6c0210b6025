"""Lines with their places become text; without any PDF."""

from __future__ import annotations

from index.loaders.layout import Bookmark, Line, Row, compose


def line(text: str, *, y: float, left: float = 72, size: float = 12, hyphenated: bool = False) -> Line:
    """A line of letters half as wide as they are high."""
    right = left + len(text) * size / 2
    return Line(text=text, left=left, right=right, bottom=y, top=y + size, size=size, hyphenated=hyphenated)


def page(*texts: str, first_y: float = 700) -> list[Row]:
    return [[line(text, y=first_y - 15 * number)] for number, text in enumerate(texts)]


FILLER = "Nothing on this line is of any interest to the reader at all"


def test_hyphens_stay_where_hardly_a_line_ends_in_one() -> None:
    rows = page(*[FILLER] * 70)
    rows[3] = [line("It is called a floating", y=rows[3][0].bottom, hyphenated=True)]
    rows[4] = [line("point number in most of the books about it, which are many", y=rows[4][0].bottom)]
    assert "a floating-point number" in compose([rows]).text


def test_hyphens_go_where_many_lines_end_in_one() -> None:
    rows = page(*[FILLER] * 60)
    for number in range(0, 60, 10):
        rows[number] = [line("They spoke of the reor", y=rows[number][0].bottom, hyphenated=True)]
        rows[number + 1] = [line("ganisation of the whole", y=rows[number + 1][0].bottom)]
    text = compose([rows]).text
    assert text.count("the reorganisation of the whole") == 6


def test_a_compound_that_the_document_writes_with_a_hyphen_keeps_it() -> None:
    rows = page("A ground-breaking idea it was, and a ground", "breaking idea it will be.")
    rows[0] = [line(rows[0][0].text, y=700, hyphenated=True)]
    assert compose([rows]).text.endswith("and a ground-breaking idea it will be.")


def test_what_was_drawn_late_is_read_where_it_stands() -> None:
    rows = page(*(f"{FILLER} {number}." for number in range(12)))
    assert compose([[*rows[:3], *rows[6:], *rows[3:6]]]).text == compose([rows]).text


def test_words_of_a_script_without_spaces_are_joined_without_one() -> None:
    rows = page("吾輩は猫である。名前はまだ無い。どこで", "生れたかとんと見当がつかぬ。")
    assert compose([rows]).text == "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"


def test_a_drop_capital_belongs_to_its_word() -> None:
    rows = [[line("T", y=676, size=36)], [line("he ferry leaves at nine.", y=700 - 24 - 1, left=95)]]
    assert compose([rows]).text == "The ferry leaves at nine."


def test_dot_leaders_are_a_space_and_entries_stay_apart() -> None:
    rows = page("1 Fares . . . . . . . . . . . . 3", "2 Islands . . . . . . . . . . . 5")
    assert compose([rows]).text == "1 Fares 3\n2 Islands 5"


def test_bookmarks_whose_titles_are_not_found_leave_headings_to_the_looks() -> None:
    rows = [[line("Fares", y=740, size=20)], *page(*[FILLER] * 5)]
    composed = compose(
        [rows], [Bookmark(page=0, level=1, title="Not there"), Bookmark(page=9, level=1, title="x")]
    )
    assert [heading.title for heading in composed.headings] == ["Fares"]


def test_no_pages_and_empty_pages_are_no_text() -> None:
    assert compose([]).text == ""
    assert compose([[], []]).page_starts == (0, 0)
