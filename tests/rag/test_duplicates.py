from __future__ import annotations

from rag.answers import Passage
from rag.duplicates import fold_duplicates

LEASE = "The tenant pays the rent on the first day of each month to the account that the landlord names."


def passage(number: int, text: str, path: str) -> Passage:
    return Passage(
        chunk_id=number,
        doc_id=path,
        version_id=number,
        collection="Documents",
        path=path,
        title="",
        page=None,
        heading_path=(),
        start=0,
        end=len(text),
        text=text,
        score=1 / number,
        cosine=0.5,
        bm25=1.0,
    )


def test_of_nearly_the_same_passages_the_best_stays_and_names_the_others() -> None:
    found = fold_duplicates(
        [
            passage(1, LEASE, "a/lease.txt"),
            passage(2, "Something else is said here.", "b.txt"),
            passage(3, LEASE.replace("first", "FIRST"), "copy.txt"),
            passage(4, LEASE + " Thanks.", "signed.pdf"),
        ]
    )
    assert [each.chunk_id for each in found] == [1, 2]
    assert found[0].also_in == ("copy.txt", "signed.pdf")


def test_passages_that_differ_in_what_they_say_both_stay() -> None:
    other = LEASE.replace("first day", "fifteenth or the last working day").replace("landlord", "agent")
    found = fold_duplicates([passage(1, LEASE, "a.txt"), passage(2, other, "b.txt")])
    assert [each.also_in for each in found] == [(), ()]


def test_a_text_that_repeats_itself_names_no_other_document() -> None:
    (found,) = fold_duplicates([passage(1, LEASE, "a.txt"), passage(2, LEASE, "a.txt")])
    assert found.also_in == ()


def test_short_and_empty_texts_are_compared_too() -> None:
    found = fold_duplicates(
        [passage(1, "Yes.", "a.txt"), passage(2, "No.", "b.txt"), passage(3, "yes", "c.txt")]
    )
    assert [each.chunk_id for each in found] == [1, 2]
    assert found[0].also_in == ("c.txt",)
