"""What a conversation searches: a selection follows the clicks, and the sidebar shows it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.ui.test_render import row
from ui.selection import Selection, Sources
from ui.sources import SHOWN_FILES, Looking, scope_html, source_key, sources_html

FILES = {
    "Contracts": ("lease.pdf", "car.pdf", "phone.pdf"),
    "Letters": ("ann.txt", "bob.txt"),
    "Manuals": ("pump.pdf",),
}


def sources(files: dict[str, tuple[str, ...]] = FILES) -> Sources:
    return Sources(
        row(
            doc_id=name.partition(".")[0],
            collection=collection,
            path=f"/home/{collection}/{name}",
            version_id=1,
        )
        for collection, names in files.items()
        for name in names
    )


def chosen(collections: str = "", documents: str = "") -> Selection:
    return Selection(collections=frozenset(collections.split()), documents=frozenset(documents.split()))


# -- what a click makes of a selection ---------------------------------------------------------------


def test_a_tick_taken_from_everything_leaves_all_the_others() -> None:
    assert sources().with_collection(None, "Letters", on=False) == chosen("Contracts Manuals")
    assert sources().with_document(None, "car", on=False) == chosen("Letters Manuals", "lease phone")
    assert sources().left_out(chosen("Letters Manuals", "lease phone"), most=2) == ["car.pdf"]
    assert sources().left_out(chosen("Contracts Manuals"), most=2) == ["ann.txt", "bob.txt"]
    assert sources().left_out(chosen("Contracts Manuals"), most=1) == []


def test_ticks_are_added_and_taken_away_one_by_one() -> None:
    one = chosen(documents="pump")
    two = sources().with_document(one, "lease", on=True)
    assert two == chosen(documents="pump lease")
    assert sources().with_document(two, "pump", on=False) == chosen(documents="lease")
    assert sources().with_collection(two, "Contracts", on=True) == chosen("Contracts", "pump")
    assert sources().with_collection(two, "Contracts", on=False) == one
    assert hash(two) == hash(chosen(documents="pump lease"))  # the key of what the store remembers


def test_all_files_of_a_collection_are_the_collection_and_all_collections_everything() -> None:
    both = sources().with_document(chosen(documents="ann pump"), "bob", on=True)
    assert both == chosen("Letters", "pump")  # one file is that file, also where it is alone
    assert sources().with_collection(both, "Contracts", on=True) is None


def test_the_last_tick_cannot_be_taken_away() -> None:
    for last in (chosen(documents="car"), chosen("Manuals")):
        assert sources().with_document(last, "car", on=False) in (last, chosen("Manuals"))
        assert sources().with_collection(last, "Manuals", on=False) == last
    assert sources().with_document(chosen("Manuals"), "pump", on=False) == chosen("Manuals")


def test_what_is_gone_or_cannot_answer_counts_no_more() -> None:
    assert sources().present(chosen("Contracts Old", "pump gone")) == chosen("Contracts", "pump")
    assert sources().present(chosen("Old", "gone")) is None
    assert sources().with_document(None, "gone", on=False) is None
    unread, disabled = row(doc_id="a", version_id=None), row(doc_id="b", version_id=1, state="disabled")
    assert Sources([unread, disabled]).count(None) == 0


def test_a_selection_is_counted_and_named() -> None:
    assert sources().count(chosen("Letters", "pump car ann")) == 4  # Ann's letter is in there already
    assert sources().names(chosen("Letters", "pump car")) == ["Letters", "car.pdf", "pump.pdf"]


# -- what the sidebar shows --------------------------------------------------------------------------


def boxes(selection: Selection | None, looking: Looking | None = None) -> list[tuple[str, str, str]]:
    """Act, name and state of every tick box."""
    page = LexborHTMLParser(sources_html(sources(), selection, looking))
    found: list[tuple[str, str, str]] = []
    for node in page.css("input[type=checkbox]"):
        states = [state for state in ("checked", "data-some", "disabled") if state in node.attributes]
        label = node.parent
        assert label is not None
        found.append((str(node.attributes["data-act"]), label.text().strip(), " ".join(states)))
    return found


def test_without_a_choice_there_is_nothing_to_tick() -> None:
    assert sources_html(sources({"Manuals": ("pump.pdf",)}), None) == ""


def test_each_collection_has_a_tick_box_and_the_files_are_folded_away() -> None:
    assert boxes(None) == [(("scope"), name, "checked") for name in FILES]
    some = boxes(chosen("Manuals Letters"))
    assert [state for _, _, state in some] == ["", "checked", "checked"]
    assert boxes(chosen("Manuals"))[2] == ("scope", "Manuals", "checked disabled")


def test_files_that_are_ticked_one_by_one_are_always_there() -> None:
    assert boxes(chosen("Manuals", "car")) == [
        ("scope", "Contracts", "data-some"),
        ("file", "car.pdf", "checked"),
        ("scope", "Letters", ""),
        ("scope", "Manuals", "checked"),
    ]
    assert boxes(chosen(documents="car"))[1] == ("file", "car.pdf", "checked disabled")


def test_files_are_found_by_the_words_of_their_path() -> None:
    found = boxes(None, Looking(wanted="contracts CAR"))
    assert found == [("scope", "Contracts", "checked"), ("file", "car.pdf", "checked")]
    assert "No file here is called so." in sources_html(sources(), None, Looking(wanted="elephants"))


def test_a_collection_unfolds_its_files() -> None:
    found = boxes(chosen("Letters", "car"), Looking(unfolded={"Contracts"}))
    assert [each for each in found if each[0] == "file"] == [
        ("file", "lease.pdf", ""),
        ("file", "car.pdf", "checked"),
        ("file", "phone.pdf", ""),
    ]


def test_of_thousands_of_files_a_few_are_shown_and_the_others_counted() -> None:
    many = sources({"A": tuple(f"{at}.txt" for at in range(3000)), "B": ("b.txt",)})
    for looking in (Looking(unfolded={"A"}), Looking(wanted="txt")):
        shown = sources_html(many, None, looking)
        assert shown.count('data-act="file"') == SHOWN_FILES
        assert f"And {3000 - SHOWN_FILES + (1 if looking.wanted else 0):,} more files." in shown


def test_two_files_of_one_name_say_where_they_are() -> None:
    one = row(doc_id="a", path="/north/readme.txt", version_id=1)
    shown = sources_html(
        Sources([one, replace(one, doc_id="b", path="/south/readme.txt")]), None, Looking("me")
    )
    labels = [node.text() for node in LexborHTMLParser(shown).css(".fn-files label")]
    assert labels == ["readme.txt north", "readme.txt south"]


@pytest.mark.parametrize(
    ("selection", "said"),
    [(None, "All 6 documents"), (chosen("Letters", "car"), "3 of 6 selected · Search all")],
)
def test_the_chip_counts_documents(selection: Selection | None, said: str) -> None:
    (chip,) = LexborHTMLParser(sources_html(sources(), selection)).css(".fn-scope-sum")
    assert chip.text() == said


def test_the_composer_says_what_is_searched_unless_that_is_everything() -> None:
    assert scope_html([]) == ""
    shown = LexborHTMLParser(scope_html(["Contracts", "pump.pdf"]))
    assert shown.text().strip().startswith("Searching: Contracts and pump.pdf")
    assert [node.attributes["data-act"] for node in shown.css("button")] == ["scope-all"]


def test_a_collection_is_named_in_the_page_by_what_stands_for_it() -> None:
    assert f'data-key="{source_key("Letters")}"' in sources_html(sources(), None)


def test_a_file_or_two_that_are_left_out_are_named_instead_of_all_the_others() -> None:
    names = ["Archive", "Letters", "Manuals", "a.txt"]
    assert "Searching: <bdi>all but b&#46;txt</bdi>" in scope_html(names, ["b.txt"])
    assert "Searching: <bdi>Archive, Letters and 2 more</bdi>" in scope_html(
        names, ["b.txt", "c.txt", "d.txt"]
    )
    assert "Searching: <bdi>a&#46;txt</bdi>" in scope_html(["a.txt"], ["b.txt"])  # that is shorter
