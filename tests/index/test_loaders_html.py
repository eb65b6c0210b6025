"""HTML: what a reader sees, in order."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from index.errors import DocumentError
from index.loaders import load


def read(source: str) -> str:
    return load(source.encode(), "a.html").text


def test_blocks_are_parted_and_white_space_is_collapsed() -> None:
    source = "<h1>A  title</h1><p>One\n two <b>three</b>.</p><div>Four<br>five</div><p>Six&nbsp;&amp; seven"
    assert read(source) == "A title\n\nOne two three.\n\nFour\nfive\n\nSix & seven"


def test_headings_point_into_the_text() -> None:
    document = load(b"<title>Doc</title><h1>One <i>two</i></h1><p>x<h3> Three<br>four </h3>y", "a.html")
    assert [(h.level, h.title, document.text[h.start : h.end]) for h in document.headings] == [
        (1, "One two", "One two"),
        (3, "Three four", "Three four"),
    ]
    assert document.title == "Doc"


def test_a_heading_inside_a_heading_is_part_of_it() -> None:
    document = load(
        b"<h1>One<b><h2>two</h2><table><tr><td>three<td>four</table></h1><p>text<h2>Five</h2>", "a.html"
    )
    assert [(heading.title, heading.level) for heading in document.headings] == [
        ("One two three | four", 1),
        ("Five", 2),
    ]


def test_the_first_heading_is_the_title_of_a_page_without_one() -> None:
    assert load(b"<h2>Small</h2><h1>Large</h1>", "a.html").title == "Large"


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>x = 1</script>",
        "<style>p {}</style>",
        "<nav>Home | About</nav>",
        "<div hidden>secret</div>",
        '<div style="color: red; display:none">secret</div>',
        '<span aria-hidden="true">icon</span>',
        '<div role="navigation">Home</div>',
        "<template>later</template>",
        "<noscript>enable it</noscript>",
        "<!-- note -->",
        '<a class="headerlink" href="#x">¶</a>',
        "<svg><text>drawn</text></svg>",
        "<button>Copy</button>",
        '<a href="#main">Skip to content</a>',
        '<span class="mw-editsection">[edit]</span>',
    ],
)
def test_what_is_not_read_is_left_out(hidden: str) -> None:
    assert read(f"<p>Before</p>{hidden}<p>After</p>") == "Before\n\nAfter"


def test_only_the_main_part_of_a_page_is_read() -> None:
    source = "<header>Shop</header><main><p>The words that matter.</p></main><footer>2024</footer>"
    assert read(source) == "The words that matter."


def test_a_main_part_that_holds_little_is_not_taken_for_the_page() -> None:
    source = "<main></main><p>The words that matter.</p>"
    assert read(source) == "The words that matter."


def test_lists_keep_their_marks() -> None:
    source = "<p>Buy:</p><ul><li>tea<li>milk<ul><li>whole</ul></ul><ol start=3><li><p>boil</p><li>pour</ol>"
    assert read(source) == "Buy:\n\n- tea\n- milk\n  - whole\n\n3. boil\n\n4. pour"


def test_table_rows_are_lines() -> None:
    source = (
        "<table><thead><tr><th>Name<th>Age<th>City</thead>"
        "<tr><td><p>Ann</p><td>31<td>Oslo<tr><td>Bo<td><td>Rome</table>"
    )
    assert read(source) == "Name | Age | City\nName: Ann | Age: 31 | City: Oslo\nName: Bo | City: Rome"


def test_a_table_that_names_no_columns_is_read_as_it_stands() -> None:
    assert (
        read("<table><tr><td>Ann<td>31<td>Oslo<tr><td>Bo<td><td>Rome</table>")
        == "Ann | 31 | Oslo\nBo |  | Rome"
    )
    box = "<table><tr><th>Born<td>1931<tr><th>Died<td>2007</table>"  # names at the side
    assert read(box) == "Born | 1931\nDied | 2007"


def test_numbers_below_words_make_the_first_row_a_header() -> None:
    source = (
        "<table><tr><td>Item<td>Price<td>Stock<tr><td>Pump<td>12.50<td>3<tr><td>Seal<td>1.20<td>40</table>"
    )
    assert read(source).split("\n")[1] == "Item: Pump | Price: 12.50 | Stock: 3"


def test_merged_cells_keep_their_columns() -> None:
    source = (
        "<table><caption>Trips</caption><tr><th rowspan=2>Month<th colspan=2>Guests"
        "<tr><th>Adults<th>Children<tr><td rowspan=2>May<td>310<td>25<tr><td>290<td>31"
        "<tr><td>June<td colspan=2>none</table>"
    )
    assert read(source) == (
        "Trips\nMonth | Guests\nMonth | Adults | Children\n"
        "Month: May | Guests Adults: 310 | Guests Children: 25\n"
        "Month: May | Guests Adults: 290 | Guests Children: 31\n"
        "Month: June | Guests Adults: none"
    )


def test_a_table_inside_a_cell_is_a_table_of_its_own() -> None:
    source = (
        "<table><tr><th>Left<th>Right<tr><td>Words<td>"
        "<table><tr><th>Item<th>Price<tr><td>Pump<td>12</table></table>"
    )
    assert read(source) == "Left | Right\n\nWords\n\nItem | Price\nItem: Pump | Price: 12"


def test_a_table_used_for_layout_is_read_as_blocks() -> None:
    source = "<table><tr><td><h2>Menu</h2><ul><li>a</ul><td><p>Long text</p></table>"
    assert read(source) == "Menu\n\n- a\n\nLong text"


def test_preformatted_text_keeps_its_lines() -> None:
    assert read("<p>Run:</p><pre>if x:\n    y()\n\n</pre><p>Done") == "Run:\n\nif x:\n    y()\n\nDone"


def test_self_closed_elements_of_xhtml_do_not_swallow_the_page() -> None:
    head = '<?xml version="1.0"?><html><head><title/><script src="x.js"/></head>'
    assert read(head + '<body><a id="x"/><p>Hello</p></body></html>') == "Hello"


@pytest.mark.parametrize(
    "data",
    [
        '<meta charset="iso-8859-1"><p>für 5 €'.encode("cp1252"),
        '<?xml version="1.0" encoding="windows-1252"?><p>für 5 €'.encode("cp1252"),
        '<meta charset="latin1"><p>für 5 €'.encode(),
        "<p>für 5 €".encode("utf-16"),
    ],
)
def test_the_encoding_is_the_declared_one_unless_the_bytes_say_utf(data: bytes) -> None:
    assert load(data, "a.html").text == "für 5 €"


def test_characters_that_entities_bring_in_are_cleaned() -> None:
    assert read("<p>a&#0;b&#xD800;c&#12;d&#1;e&shy;f&#8203;g&#10;h") == "a\ufffdb\ufffdc defg h"


def test_a_page_without_text_says_so() -> None:
    with pytest.raises(DocumentError) as caught:
        load(b"<html><body><div id=app></div><script>run()</script></body></html>", "a.html")
    assert caught.value.problem == "no_text"


def test_a_page_that_is_all_navigation_is_read() -> None:
    assert read("<nav><a href=x>One</a> <a href=y>Two</a></nav>") == "One Two"


@pytest.mark.parametrize(
    "source",
    [
        "<div>" * 100_000 + "deep",
        "<ul><li>" * 30_000 + "deep",
        "<table><tr><td>" * 5_000 + "deep",
        "<b><i><u>" * 20_000 + "deep",
        '<a b="' * 100_000,
        "<" * 500_000,
        "<?xml " + "<a " * 200_000 + "/>",
        "<p>" + "a " * 400_000,
        "<!--" * 200_000,
    ],
)
def test_adversarial_pages_are_read_in_time(source: str) -> None:
    started = time.process_time()
    with suppress(DocumentError):
        load(source.encode(), "a.html")
    assert time.process_time() - started < 5


def test_a_tag_of_very_many_attributes_is_read_in_time() -> None:
    attributes = " ".join(f'a{number}="1"' for number in range(200_000))
    started = time.process_time()
    document = load(f"<p {attributes}>words</p><p>more</p>".encode(), "a.html")
    assert document.text == "words\n\nmore"
    assert time.process_time() - started < 5.0


def test_a_long_picture_in_a_tag_is_no_crowd() -> None:
    document = load(f'<p>a <img alt="b" src="data:image/png;base64,{"A" * 50_000}"> c</p>'.encode(), "a.html")
    assert document.text.split() == ["a", "c"]
