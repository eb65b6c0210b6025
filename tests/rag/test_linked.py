from __future__ import annotations

from pathlib import Path

from index.documents import ParsedDocument
from rag.linked import BEHIND
from rag.retrieval import HybridRetriever
from tests.fakes import WordCountEmbedder
from tests.rag.corpus import VOCABULARY, indexed

QUESTION = "Who directed the film that was shot in Leland?"
FILLERS = {
    f"filler{number}.txt": ParsedDocument(text=f"The film number {number} was shot in Leland town too.")
    for number in range(6)
}
TOWN = ParsedDocument(
    text="The film shot in Leland was called Maximum Overdrive and was shot there.", title="Leland"
)
FILM = ParsedDocument(text="Its author stood behind the camera in 1986.", title="Maximum Overdrive")


def names(data: Path, *, question: str = QUESTION, links: bool = True) -> list[str]:
    with indexed(data, {"town.txt": TOWN, "film.txt": FILM, **FILLERS}) as (store, _):
        retriever = HybridRetriever(store=store, embedder=WordCountEmbedder(VOCABULARY), links=links)
        found = retriever.search(question, k=8)
        assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
        return [each.name for each in found]


def test_what_the_best_passages_name_stands_right_behind_them(tmp_path: Path) -> None:
    with_links, without = names(tmp_path / "a"), names(tmp_path / "b", links=False)
    assert "town.txt" in without[:2]
    assert with_links[:BEHIND] == without[:BEHIND]
    assert with_links[BEHIND] == "film.txt"
    assert "film.txt" not in without[: BEHIND + 1]
    assert len(with_links) == len(set(with_links)) == 8


def test_a_question_whose_words_are_all_found_takes_nothing_along(tmp_path: Path) -> None:
    plain = "The film shot in Leland?"
    assert names(tmp_path / "a", question=plain) == names(tmp_path / "b", question=plain, links=False)
