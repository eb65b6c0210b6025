"""Conversations survive a restart, and hold references to documents instead of their words."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from selectolax.lexbor import LexborHTMLParser

from index.documents import Heading, Locator, ParsedDocument
from index.errors import StorageError
from index.ingest import ingest_documents
from index.store import Store
from rag.answers import (
    Answer,
    AnswerSentence,
    Citation,
    Considered,
    Delta,
    Done,
    Elsewhere,
    Event,
    Passage,
    Refusal,
    Rewording,
    Stage,
    Step,
    Turn,
)
from rag.ask import Assistant
from tests.fakes import WordCountEmbedder
from tests.full_disk import disk_refuses
from tests.ui.payloads import HOSTILE
from ui.asking import FIRST_DOCUMENTS, LOADING, QUIET_SECONDS, Asking, Running
from ui.chats import Chats, Message
from ui.conversation import answer_markdown, answer_with_sources, rewording, running_markdown
from ui.evidence_pane import EvidencePane
from ui.exchanges import Again
from ui.pane_links import Reference
from ui.references import References
from ui.selection import Selection
from ui.stored import stored

QUOTE = "The zebrafish clause ends in March."
TEXT = f"Lease\n\nThis contract has terms.\n\n{QUOTE} It may be renewed.\n\nThe rent is due monthly.\n"
EMBEDDER = WordCountEmbedder(["zebrafish", "rent"])


def put(store: Store, text: str, path: str = "/docs/lease.txt") -> None:
    document = ParsedDocument(text=text, headings=(Heading(start=0, end=5, level=1, title="Lease"),))
    ingest_documents(store, EMBEDDER, [(path, document)], collection="Contracts")
    store.refresh()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        put(opened, TEXT)
        yield opened


@pytest.fixture
def chats(tmp_path: Path) -> Iterator[Chats]:
    opened = Chats(tmp_path / "data")
    yield opened
    opened.close()


def citation(store: Store, quote: str = QUOTE, marker: int = 1) -> Citation:
    row = store.documents()[0]
    assert row.version_id is not None
    text = store.text(row.version_id)
    assert text is not None
    start = text.index(quote)
    return Citation(
        marker=marker,
        doc_id=row.doc_id,
        version_id=row.version_id,
        collection=row.collection,
        path=row.path,
        title=row.title,
        page=None,
        heading_path=("Lease",),
        start=start,
        end=start + len(quote),
        quote=quote,
        chunk_id=1,
    )


def passage(store: Store) -> Passage:
    place = citation(store, "The rent is due monthly.")
    return Passage(
        chunk_id=1,
        doc_id=place.doc_id,
        version_id=place.version_id,
        collection=place.collection,
        path=place.path,
        title=place.title,
        page=None,
        heading_path=(),
        start=place.start,
        end=place.end,
        text=place.quote,
        score=0.5,
        cosine=0.5,
        bm25=1.0,
    )


def quoted_answer(store: Store) -> Answer:
    return Answer(
        status="answered",
        question="When does the clause end?",
        query="When does the clause end?",
        sentences=(AnswerSentence(text=QUOTE, markers=(1,), verdict="quoted", short_answer=(29, 34)),),
        citations=(citation(store),),
        passages=(passage(store),),
        steps=(Step(name="retrieve", detail="3 passages searched", milliseconds=4.0),),
    )


def exchange(chats: Chats, answer: Answer) -> Message:
    chat = chats.create(answer.question)
    place = chats.add_exchange(chat.chat_id, answer.question)
    chats.finish(place.message_id, stored(answer))
    message = chats.message(place.message_id)
    assert message is not None
    return message


def test_the_id_of_a_document_that_many_answers_cite_is_kept_once(store: Store, chats: Chats) -> None:
    for _ in range(3):
        exchange(chats, quoted_answer(store))
    cited = [doc_id for _, doc_ids in chats.cited_documents(chats.answered()) for doc_id in doc_ids]
    assert cited == [citation(store).doc_id] * 3
    assert len({id(doc_id) for doc_id in cited}) == 1


def plain(markdown: str) -> str:
    """What the Markdown of an answer says, links and tags taken away."""
    shown = re.sub(r"\]\(#[^)]*\)", "]", re.sub(r"<[^>]+>", "", markdown))
    return re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), shown)


# -- what is stored


def test_conversations_survive_a_restart(store: Store, chats: Chats, tmp_path: Path) -> None:
    exchange(chats, quoted_answer(store))
    before = chats.messages(chats.chats()[0].chat_id)
    chats.close()
    reopened = Chats(tmp_path / "data")
    assert reopened.messages(reopened.chats()[0].chat_id) == before
    assert [message.role for message in before] == ["user", "assistant"]
    reopened.close()


def test_the_words_of_a_document_are_not_in_the_file(store: Store, chats: Chats, tmp_path: Path) -> None:
    exchange(chats, quoted_answer(store))
    chats.close()
    held = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("chats.sqlite*"))
    assert b"zebrafish" not in held
    assert b"due monthly" not in held


def test_what_a_model_wrote_is_stored(store: Store, chats: Chats) -> None:
    answer = quoted_answer(store)
    written = AnswerSentence(text="It ends in March.", markers=(1,), verdict="supported")
    message = exchange(chats, replace(answer, sentences=(written,), generator="ollama:x"))
    assert message.answer is not None
    assert message.answer.sentences[0].text == "It ends in March."


def test_the_title_is_the_beginning_of_the_first_question(chats: Chats) -> None:
    assert chats.create("  What\n is it? ").title == "What is it?"
    assert len(chats.create("word " * 50).title) <= 80


def test_a_deleted_conversation_leaves_nothing_behind(chats: Chats, tmp_path: Path) -> None:
    chat = chats.create("Where is the xylophone?")
    chats.add_exchange(chat.chat_id, "Where is the xylophone?")
    chats.delete(chat.chat_id)
    assert chats.chats() == []
    chats.close()
    held = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("chats.sqlite*"))
    assert b"xylophone" not in held


def test_an_answer_to_a_deleted_conversation_is_dropped(store: Store, chats: Chats) -> None:
    chat = chats.create("Q")
    place = chats.add_exchange(chat.chat_id, "Q")
    chats.delete(chat.chat_id)
    chats.finish(place.message_id, stored(quoted_answer(store)))
    assert chats.message(place.message_id) is None


def test_a_conversation_used_last_is_first_although_the_clock_was_set_back(chats: Chats) -> None:
    older, newer = chats.create("Older"), chats.create("Newer")
    for chat in (older, newer):
        chats.add_exchange(chat.chat_id, "Q")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: older.created_at - 86_400)
        chats.add_exchange(older.chat_id, "And now?")
        newest = chats.create("Newest")
        assert [chat.title for chat in chats.chats()] == ["Newest", "Older", "Newer"]
        chats.add_exchange(newest.chat_id, "Q")
    chats.add_exchange(newer.chat_id, "And then?")
    assert [chat.title for chat in chats.chats()] == ["Newer", "Newest", "Older"]


def test_an_answer_that_a_full_disk_refuses_is_shown_and_stored_later(
    store: Store, chats: Chats, tmp_path: Path
) -> None:
    answer = quoted_answer(store)
    desk, future = asking(chats, store, None)
    chat = chats.create("Q")
    running = desk.ask(chat.chat_id, "Q")
    with disk_refuses():
        future.set_result(cast(Assistant, ScriptedAssistant([Done(answer=answer)])))
        while not running.finished:
            running.wait(running.version, 0.05)
        assert "cannot be saved" in running.unsaved
        assert "Free some disk space" in running.unsaved
        assert finished(chats, chat.chat_id).answer == stored(answer)
        with pytest.raises(StorageError):
            chats.save_unsaved()
    assert desk.running(chat.chat_id) is None
    assert stored_answers(tmp_path) == [None]
    chats.save_unsaved()
    assert stored_answers(tmp_path) != [None]
    assert finished(chats, chat.chat_id).answer == stored(answer)


def stored_answers(tmp_path: Path) -> list[str | None]:
    with closing(sqlite3.connect(tmp_path / "data" / "chats.sqlite")) as db:
        return [row[0] for row in db.execute("SELECT answer FROM messages WHERE role = 'assistant'")]


def test_a_file_of_conversations_that_cannot_be_read_is_told_in_words(chats: Chats, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "data" / "chats.sqlite")) as db:
        db.execute("DROP TABLE messages")
    with pytest.raises(StorageError, match=r"chats\.sqlite cannot be read") as caught:
        chats.chats()
    assert "backup" in caught.value.hint


def test_a_deletion_that_the_log_keeps_on_a_full_disk_is_finished_later(chats: Chats, tmp_path: Path) -> None:
    def held() -> bool:
        return any(b"xylophone" in path.read_bytes() for path in (tmp_path / "data").glob("chats.sqlite*"))

    kept = chats.create("Kept")
    for number in range(40):
        chats.add_exchange(kept.chat_id, f"Question {number} " + "about this and that " * 400)
    chat = chats.create("Where is the xylophone?")
    chats.add_exchange(chat.chat_id, "Where is the xylophone?")
    chats.erase_hidden(undo_seconds=10)  # now the log is empty, and the file behind it large
    with disk_refuses(beyond=200_000):
        chats.delete(chat.chat_id)
        assert [each.title for each in chats.chats()] == ["Kept"]
        assert held()
    chats.erase_hidden(undo_seconds=10)  # as it is called once a second
    assert not held()


def test_a_blank_title_is_ignored(chats: Chats) -> None:
    chat = chats.create("First")
    chats.rename(chat.chat_id, "   ")
    assert [each.title for each in chats.chats()] == ["First"]
    chats.rename(chat.chat_id, "Second")
    assert [each.title for each in chats.chats()] == ["Second"]


# -- rendering through references


def test_a_quoted_sentence_is_rendered_through_the_store(store: Store, chats: Chats) -> None:
    message = exchange(chats, quoted_answer(store))
    shown = answer_markdown(message, "When does the clause end?", References(store))
    assert f"{QUOTE} [[1]]" in plain(shown)
    assert "<mark>March</mark>" in shown
    assert "1 of 1 sentence quoted" in plain(shown)
    assert f"#cite-{message.message_id}-1-mark" in shown


def test_after_a_deletion_the_sentence_says_source_removed(store: Store, chats: Chats) -> None:
    message = exchange(chats, quoted_answer(store))
    references = References(store)
    answer_markdown(message, "", references)
    store.remove([row.doc_id for row in store.documents()])
    shown = answer_markdown(message, "", references)
    assert "zebrafish" not in shown
    assert "source removed [[1!]]" in plain(shown)
    assert "Evidence: 0 of 1 sentence quoted, 1 without its source" in plain(shown)
    assert "Source removedsource removed 1" in plain(shown)  # in the list of the sentences
    assert "Removed" in EvidencePane(store, chats, references).html(f"#cite-{message.message_id}-1")


def test_after_an_undo_the_sentence_is_back(store: Store, chats: Chats) -> None:
    message = exchange(chats, quoted_answer(store))
    references = References(store)
    before = answer_markdown(message, "", references)
    store.remove([row.doc_id for row in store.documents()])
    assert answer_markdown(message, "", references) != before
    store.undo()
    assert answer_markdown(message, "", references) == before
    store.remove([row.doc_id for row in store.documents()])
    store.purge(undo_seconds=0)
    assert "source removed [[1!]]" in plain(answer_markdown(message, "", references))


def test_words_that_moved_are_found_again(store: Store, chats: Chats) -> None:
    message = exchange(chats, quoted_answer(store))
    put(store, "A new beginning.\n\n" + TEXT)
    assert message.answer is not None
    found = References(store).locate(dict(message.answer.citations)[1])
    assert (found.state, found.quote) == ("moved", QUOTE)
    assert found.start == len("A new beginning.\n\n") + TEXT.index(QUOTE)


def test_words_that_are_gone_are_changed(store: Store, chats: Chats) -> None:
    message = exchange(chats, quoted_answer(store))
    put(store, TEXT.replace("March", "April"))
    shown = answer_markdown(message, "", References(store))
    assert "source changed [[1!]]" in plain(shown)


def test_a_copy_under_another_path_keeps_the_citation_alive(store: Store, chats: Chats) -> None:
    message = exchange(chats, quoted_answer(store))
    original = store.documents()[0]
    put(store, TEXT, "/docs/copy.txt")
    store.remove([original.doc_id])
    assert message.answer is not None
    found = References(store).locate(dict(message.answer.citations)[1])
    assert (found.state, found.quote) == ("moved", QUOTE)
    assert found.document is not None
    assert found.document.name == "copy.txt"


def test_quoted_items_stand_on_lines_of_their_own(store: Store, chats: Chats) -> None:
    before = quoted_answer(store)
    put(store, "Terms:\n\n- Rent\n- Heat\n\nAll is due.\n")
    quotes = ("Terms:", "- Rent", "- Heat", "All is due.")
    answer = replace(
        before,
        sentences=tuple(
            AnswerSentence(text=quote, markers=(marker,), verdict="quoted", group="lease.txt")
            for marker, quote in enumerate(quotes, start=1)
        ),
        citations=tuple(citation(store, quote, marker) for marker, quote in enumerate(quotes, start=1)),
    )
    shown = plain(answer_markdown(exchange(chats, answer), answer.question, References(store)))
    assert shown.split("\n\n")[:5] == [
        "**lease.txt**",
        "Terms: [[1]]",
        "- Rent [[2]]",
        "- Heat [[3]]",
        "All is due. [[4]]",
    ]


@pytest.mark.parametrize(
    ("quote", "short", "shown"),
    [
        ("- The rent is 900 euros.", (14, 23), "The rent is <mark>900 euros</mark>&#46;"),
        ("| Stove | Tom |", (10, 13), "Stove &#124; <mark>Tom</mark>"),
        ("1. Wait on the pier.", None, "1&#46; Wait on the pier&#46;"),
    ],
)
def test_a_lone_quoted_item_goes_without_its_bullet_or_bars(
    store: Store, chats: Chats, quote: str, short: tuple[int, int] | None, shown: str
) -> None:
    before = quoted_answer(store)
    put(store, f"Terms:\n\n{quote}\n")
    answer = replace(
        before,
        sentences=(AnswerSentence(text=quote, markers=(1,), verdict="quoted", short_answer=short),),
        citations=(citation(store, quote, 1),),
    )
    markdown = answer_markdown(exchange(chats, answer), answer.question, References(store))
    assert markdown.split(" [<span", 1)[0] == shown


def test_copying_an_answer_gives_its_marks_and_sources(store: Store, chats: Chats) -> None:
    message = exchange(chats, quoted_answer(store))
    copied = answer_with_sources(message, References(store), "")
    assert copied == f"{QUOTE} [1]\n\n[1] lease.txt (Contracts)"


def test_another_query_than_the_question_is_shown(store: Store, chats: Chats) -> None:
    message = exchange(chats, replace(quoted_answer(store), query="end of the zebrafish clause"))
    assert "Searched for: end of the zebrafish clause" in plain(
        answer_markdown(message, "And when?", References(store))
    )
    assert "Searched for" not in answer_markdown(message, "End of the zebrafish clause?", References(store))


def test_how_an_answer_was_searched_lists_every_passage(store: Store, chats: Chats) -> None:
    looked = (
        Considered(
            passage=replace(passage(store), dense_rank=2, fused=0.81, reader=0.93),
            kept=True,
            reason="cited as [1]",
        ),
        Considered(
            passage=replace(passage(store), path="<b>x</b>.txt"), kept=False, reason="<i>far down</i>"
        ),
    )
    message = exchange(chats, replace(quoted_answer(store), considered=looked))
    shown = answer_markdown(message, "When does the clause end?", References(store))
    table = shown[shown.index("<table") : shown.index("</table>")]
    assert "lease&#46;txt</td><td>#2</td><td>–</td><td>0.81</td><td>0.93</td>" in table
    assert "<b>" not in table
    assert "<i>" not in table
    assert table.count("<tr") == 3


def test_an_abstention_says_so_once_and_names_the_nearest_passage(store: Store, chats: Chats) -> None:
    answer = Answer(
        status="abstained",
        question="Q",
        query="Q",
        sentences=(AnswerSentence(text="Not in your documents. Searched 3 passages."),),
        passages=(passage(store),),
    )
    shown = plain(answer_markdown(exchange(chats, answer), "Q", References(store)))
    assert shown.startswith("**Not in your documents.** Searched 3 passages.")
    assert "Nearest, below the bar:lease.txt" in shown


def refused(store: Store, heading: str, *, collection: str = "Manuals") -> Answer:
    """A refusal that offers a heading of the document ``lease.txt``, and another collection."""
    place = citation(store, heading)
    offered = Rewording(
        text=heading,
        quote=heading,
        doc_id=place.doc_id,
        version_id=place.version_id,
        collection=place.collection,
        path=place.path,
        page=None,
        start=place.start,
        end=place.end,
    )
    return Answer(
        status="abstained",
        question="Q",
        query="Q",
        sentences=(
            AnswerSentence(text="Not in your documents."),
            AnswerSentence(text="Searched 3 passages."),
        ),
        passages=(passage(store),),
        refusal=Refusal(
            passages=3,
            documents=1,
            collections=("Contracts",),
            unknown_words=("elephants",),
            elsewhere=(Elsewhere(collection=collection, passages=2),),
            rewordings=(offered,),
        ),
    )


def test_a_refusal_survives_as_places_without_the_words(store: Store, chats: Chats, tmp_path: Path) -> None:
    heading = "The zebrafish clause"
    message = exchange(chats, refused(store, heading))
    assert message.answer is not None
    kept = message.answer.refusal
    assert kept is not None
    assert (kept.passages, kept.documents, kept.collections) == (3, 1, ("Contracts",))
    assert kept.unknown_words == ("elephants",)
    assert kept.elsewhere == (Elsewhere(collection="Manuals", passages=2),)
    assert rewording(message, 1, References(store)) == heading
    assert [rewording(message, number, References(store)) for number in (0, 2)] == ["", ""]
    chats.close()
    held = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("chats.sqlite*"))
    assert b"zebrafish" not in held


def test_a_refusal_offers_what_to_do_next(store: Store, chats: Chats) -> None:
    message = exchange(chats, refused(store, "The zebrafish clause"))
    references = References(store)
    shown = answer_markdown(message, "Q", references)
    assert plain(shown).startswith("**Not in your documents.** Searched 3 passages.")
    assert "Outside your selection: Manuals (2 passages)Search all" in plain(shown)
    assert f'href="#again-{message.message_id}"' in shown
    assert "Try:“The zebrafish clause” lease.txt" in plain(shown)
    assert f'href="#try-{message.message_id}-1"' in shown
    # The heading goes with its document.
    store.remove([row.doc_id for row in store.documents()])
    shown = answer_markdown(message, "Q", references)
    assert "zebrafish" not in shown
    assert "#try-" not in shown
    assert rewording(message, 1, references) == ""


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_heading_in_a_refusal_stays_text(payload: str, store: Store, chats: Chats) -> None:
    heading = " ".join(payload.encode("utf-8", "replace").decode().replace("\0", "").split())
    put(store, f"{heading} and more.\n\nThe rent is due monthly.\n", "/docs/lease.txt")
    message = exchange(chats, refused(store, heading, collection=payload))
    shown = answer_markdown(message, "Q", References(store))
    assert set(re.findall(r"</?([^\s>/]*)", shown)) <= {"p", "div", "a", "span", "b"}
    assert set(re.findall(r'href="([^"]*)"', shown)) == {
        f"#found-{message.message_id}-1",
        f"#again-{message.message_id}",
        f"#try-{message.message_id}-1",
    }
    assert "![" not in shown


def test_a_refusal_of_an_earlier_release_is_read(store: Store, chats: Chats, tmp_path: Path) -> None:
    message = exchange(chats, refused(store, "The zebrafish clause"))
    with sqlite3.connect(tmp_path / "data" / "chats.sqlite") as db:
        ((text,),) = db.execute("SELECT answer FROM messages WHERE answer IS NOT NULL")
        older = {name: value for name, value in json.loads(text).items() if name not in ("refusal", "twins")}
        db.execute("UPDATE messages SET answer = ? WHERE answer IS NOT NULL", (json.dumps(older),))
    db.close()
    read = chats.message(message.message_id)
    assert read is not None
    assert read.answer is not None
    assert read.answer.refusal is None
    assert "Not in your documents" in answer_markdown(read, "Q", References(store))


def test_what_a_conversation_searches_survives_a_restart(chats: Chats, tmp_path: Path) -> None:
    one, two = chats.create("One"), chats.create("Two")
    chosen = Selection(collections=frozenset({"Contracts", "Manuals"}), documents=frozenset({"d1", "d2"}))
    chats.select(one.chat_id, chosen)
    chats.close()
    reopened = Chats(tmp_path / "data")
    assert reopened.selection(one.chat_id) == chosen
    assert reopened.selection(two.chat_id) is None
    reopened.select(one.chat_id, None)
    assert reopened.selection(one.chat_id) is None
    reopened.select(two.chat_id, chosen)
    reopened.delete(two.chat_id)
    reopened.select(two.chat_id, chosen)  # deleted meanwhile: nothing happens
    assert reopened.selection(two.chat_id) is None
    reopened.close()


def test_a_question_is_asked_of_what_is_selected(store: Store, chats: Chats) -> None:
    assistant = ScriptedAssistant([Done(answer=quoted_answer(store))])
    desk, _ = asking(chats, store, assistant)
    chat = chats.create("Q")
    chosen = Selection(collections=frozenset({"Contracts"}), documents=frozenset({"d1"}))
    for selection in (None, chosen):
        running = desk.ask(chat.chat_id, "Q", selection)
        while not running.finished:
            running.wait(running.version, 0.05)
    assert assistant.asked == [("Q", None, None), ("Q", chosen.collections, chosen.documents)]


def test_what_a_conversation_of_an_earlier_release_searches_is_kept(tmp_path: Path) -> None:
    data = tmp_path / "older"
    data.mkdir()
    with sqlite3.connect(data / "chats.sqlite") as db:
        db.execute("CREATE TABLE selections (chat_id TEXT PRIMARY KEY, collections TEXT NOT NULL)")
        db.execute("INSERT INTO selections VALUES ('ab', '[\"Contracts\"]')")
    db.close()
    opened = Chats(data)
    assert opened.selection("ab") == Selection(collections=frozenset({"Contracts"}))
    opened.close()


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_in_an_answer_stays_text(payload: str, store: Store, chats: Chats) -> None:
    base = citation(store)
    visible = payload.encode("utf-8", "replace").decode().replace("\0", "")
    put(store, f"{visible}\n", f"/docs/{visible.replace('/', '_')}")
    references = References(store)
    row = next(row for row in store.documents() if row.path != "/docs/lease.txt")
    assert row.version_id is not None
    text = store.text(row.version_id) or ""
    hostile = replace(
        base, doc_id=row.doc_id, version_id=row.version_id, path=row.path, start=0, end=len(text)
    )
    answer = Answer(
        status="answered",
        question="Q",
        query=payload,
        sentences=(
            AnswerSentence(text=text, markers=(1,), verdict="quoted"),
            AnswerSentence(text=payload, markers=(1,), verdict="weak"),
            AnswerSentence(text=payload, verdict="unsupported"),
        ),
        citations=(replace(hostile, quote=text),),
        notice=payload,
        generator=payload,
        steps=(Step(name=payload, detail=payload, milliseconds=1.0),),
    )
    message = exchange(chats, answer)
    shown = answer_markdown(message, "Q", references)
    ours = r"p|em|span|mark|strong|div|a|b|i|details|summary|ul|ol|li"
    for tag in re.findall(r"</?([^\s>/]*)", shown):
        assert re.fullmatch(ours, tag), tag
    assert set(re.findall(r'href="([^"]*)"', shown)) <= {
        f"#cite-{message.message_id}-1-chip",
        f"#copy-{message.message_id}",
        f"#reuse-{message.message_id}",
        *(
            f"#say-{message.message_id}-{said}"
            for said in ("helpful-0", "wrong_citation-1", "not_in_documents-0")
        ),
    }
    assert all(link.startswith("#cite-") for link in re.findall(r"\]\(([^ )]*)", shown))
    assert "![" not in shown
    pane = EvidencePane(store, chats, references).html(f"#cite-{message.message_id}-1")
    assert "evil.example" not in pane
    assert "<img" not in pane


# -- the evidence pane


def test_the_pane_marks_exactly_the_quote(store: Store, chats: Chats) -> None:
    message = exchange(chats, quoted_answer(store))
    pane = EvidencePane(store, chats, References(store)).html(f"#cite-{message.message_id}-1-mark")
    (marked,) = LexborHTMLParser(pane).css("mark.fn-mark")
    assert marked.text() == QUOTE
    # The question was: When does the clause end?
    assert [word.text() for word in marked.css("b")] == ["clause", "ends"]
    for part in ("lease&#46;txt", "Contracts", "Current", "Lease", "Quoted"):
        assert part in pane


def test_the_pane_shows_what_a_model_claimed(store: Store, chats: Chats) -> None:
    written = AnswerSentence(text="It ends in March.", markers=(1,), verdict="supported")
    message = exchange(chats, replace(quoted_answer(store), sentences=(written,)))
    pane = EvidencePane(store, chats, References(store)).html(f"#cite-{message.message_id}-1")
    shown = LexborHTMLParser(pane).text()
    assert "The answer says: It ends in March." in shown
    assert f"The document says: {QUOTE}" in shown
    assert "Supported: both say ends, March." in shown


def test_the_pane_steps_through_the_citations_of_a_message(store: Store, chats: Chats) -> None:
    second = citation(store, "The rent is due monthly.", marker=2)
    answer = quoted_answer(store)
    message = exchange(chats, replace(answer, citations=(*answer.citations, second)))
    pane = EvidencePane(store, chats, References(store))
    assert f'data-to="#cite-{message.message_id}-2"' in pane.html(f"#cite-{message.message_id}-1")
    assert f'data-to="#cite-{message.message_id}-1"' in pane.html(f"#cite-{message.message_id}-2")


def test_a_passage_that_was_found_opens_too(store: Store, chats: Chats) -> None:
    message = exchange(chats, quoted_answer(store))
    assert "not used in the answer" in EvidencePane(store, chats, References(store)).html(
        f"#found-{message.message_id}-1"
    )


def test_show_more_widens_the_context(store: Store, chats: Chats) -> None:
    put(store, "Far before. " * 400 + "\n\n" + TEXT + "\n\n" + "Far after. " * 400)
    message = exchange(chats, quoted_answer(store))
    pane = EvidencePane(store, chats, References(store))
    narrow = pane.html(f"#cite-{message.message_id}-1", before=100, after=100)
    wide = pane.html(f"#cite-{message.message_id}-1", before=3000, after=100)
    assert narrow.count("Far before") < wide.count("Far before")
    assert narrow.count("Far after") == wide.count("Far after")
    assert narrow.count("Show more") == 2


@pytest.mark.parametrize(
    "link",
    [
        "",
        "#cite-",
        "#cite-zz-1",
        "#cite-ab-",
        "#doc-ab-1",
        "javascript:alert(1)",
        "#cite-ab-1-<b>",
        "#cite-" + "a" * 99,
    ],
)
def test_a_link_of_another_shape_opens_nothing(link: str, store: Store, chats: Chats) -> None:
    assert Reference.parse(link) is None
    assert EvidencePane(store, chats, References(store)).html(link) == ""


# -- answering in the background


class ScriptedAssistant:
    """Gives the events it was made with, and waits where it is told to until it is stopped."""

    crowded = False

    def __init__(self, events: list[Event], *, wait: bool = False) -> None:
        self.events = events
        self.wait = wait
        self.asked: list[tuple[str, object, object]] = []
        self.history: object = ()

    def stream(
        self,
        question: str,
        history: object = (),
        *,
        collections: object = None,
        documents: object = None,
        model: str | None = None,
        stopped: object = None,
    ) -> Iterator[Event]:
        self.asked.append((question, collections, documents))
        self.history = history
        for event in self.events:
            if isinstance(event, Done) and self.wait:
                while not stopped():  # type: ignore[operator]
                    pass
                event = Done(answer=replace(event.answer, status="stopped"))
            yield event


def asking(
    chats: Chats, store: Store, assistant: ScriptedAssistant | None
) -> tuple[Asking, Future[Assistant]]:
    future: Future[Assistant] = Future()
    if assistant is not None:
        future.set_result(cast(Assistant, assistant))
    return Asking(chats, References(store), future), future


def finished(chats: Chats, chat_id: str) -> Message:
    return chats.messages(chat_id)[-1]


def test_an_answer_is_stored_although_nobody_follows_it(store: Store, chats: Chats) -> None:
    answer = quoted_answer(store)
    desk, _ = asking(chats, store, ScriptedAssistant([Delta(text="x"), Done(answer=answer)]))
    chat = chats.create("Q")
    running = desk.ask(chat.chat_id, "Q")
    while not running.finished:
        running.wait(running.version, 0.05)
    assert finished(chats, chat.chat_id).answer == stored(answer)
    assert desk.running(chat.chat_id) is None


def test_a_question_waits_for_the_first_documents_and_says_so(store: Store, chats: Chats) -> None:
    coming = threading.Event()
    coming.set()
    future: Future[Assistant] = Future()
    answer = quoted_answer(store)
    future.set_result(cast(Assistant, ScriptedAssistant([Done(answer=answer)])))
    desk = Asking(chats, References(store), future, first_documents=coming.is_set)
    chat = chats.create("Q")
    running = desk.ask(chat.chat_id, "Q")
    running.wait(0, 5)
    assert (running.stage, running.finished) == (FIRST_DOCUMENTS, False)
    coming.clear()
    while not running.finished:
        running.wait(running.version, 0.05)
    assert finished(chats, chat.chat_id).answer == stored(answer)


def test_a_question_waits_for_the_model_and_says_so(store: Store, chats: Chats) -> None:
    desk, future = asking(chats, store, None)
    chat = chats.create("Q")
    running = desk.ask(chat.chat_id, "Q")
    running.wait(0, 5)
    assert running.stage == LOADING
    script: list[Event] = [
        Stage(name="retrieve", detail="Searching 3 passages"),
        Done(answer=quoted_answer(store)),
    ]
    future.set_result(cast(Assistant, ScriptedAssistant(script)))
    while not running.finished:
        running.wait(running.version, 0.05)
    assert running.stage == "Searching 3 passages"


def test_stop_keeps_what_was_written(store: Store, chats: Chats) -> None:
    script = ScriptedAssistant([Delta(text="part"), Done(answer=quoted_answer(store))], wait=True)
    desk, _ = asking(chats, store, script)
    chat = chats.create("Q")
    running = desk.ask(chat.chat_id, "Q")
    desk.stop(chat.chat_id)
    while not running.finished:
        running.wait(running.version, 0.05)
    answer = finished(chats, chat.chat_id).answer
    assert answer is not None
    assert answer.status == "stopped"
    assert "Stopped" in answer_markdown(finished(chats, chat.chat_id), "Q", References(store))


def test_history_reads_quoted_sentences_from_the_documents(store: Store, chats: Chats) -> None:
    message = exchange(chats, quoted_answer(store))
    desk, _ = asking(chats, store, None)
    assert desk.plain_text(message) == QUOTE


def test_what_a_refusal_says_is_no_part_of_the_history(store: Store, chats: Chats) -> None:
    refused = replace(
        quoted_answer(store),
        status="abstained",
        sentences=(
            AnswerSentence(text="Not in your documents."),
            AnswerSentence(text="Searched 3 passages."),
        ),
        citations=(),
    )
    assistant = ScriptedAssistant([Done(answer=refused)])
    desk, _ = asking(chats, store, assistant)
    chat = chats.create("Q")
    for question in ("Who keeps the zoo?", "And when?"):
        running = desk.ask(chat.chat_id, question)
        while not running.finished:
            running.wait(running.version, 0.05)
    assert assistant.history == [Turn(role="user", text="Who keeps the zoo?")]


def test_an_answer_cut_off_by_a_crash_says_so(chats: Chats, store: Store) -> None:
    chat = chats.create("Q")
    place = chats.add_exchange(chat.chat_id, "Q")
    message = chats.message(place.message_id)
    assert message is not None
    assert "closed before this answer was finished" in answer_markdown(message, "Q", References(store))


def test_the_page_says_where_in_a_document_a_quote_stands(tmp_path: Path, chats: Chats) -> None:
    row_text = "Item: Pump | Price: 12"
    text = f"Item | Price\n{row_text}"
    locators = (Locator(0, "sheet Secret, row 1"), Locator(text.index(row_text), "sheet Secret, row 2"))
    with Store.open(tmp_path / "sheets") as store:
        document = ParsedDocument(text=text, locators=locators)
        ingest_documents(store, EMBEDDER, [("/prices.xlsx", document)], collection="Documents")
        references = References(store)
        answer = Answer(
            status="answered",
            question="What does it cost?",
            query="What does it cost?",
            sentences=(AnswerSentence(text=row_text, markers=(1,), verdict="quoted"),),
            citations=(citation(store, row_text),),
        )
        message = exchange(chats, answer)
        link = f"#cite-{message.message_id}-1"
        pane = EvidencePane(store, chats, references)
        assert "prices.xlsx, sheet Secret, row 2" in plain(answer_markdown(message, "Q", references))
        assert "sheet Secret, row 2" in plain(pane.html(link))
        assert pane.quote(link) == f"“{row_text}” (prices.xlsx, sheet Secret, row 2)"
        assert "[1] prices.xlsx, sheet Secret, row 2 (Documents)" in answer_with_sources(
            message, references, ""
        )
        # The name of a sheet is text of the document: it goes when the document goes.
        store.publish(removals=[store.documents()[0].doc_id])
        assert "Secret" not in answer_markdown(message, "Q", references)


def test_an_answer_that_comes_at_once_says_nothing_about_its_stages(store: Store, chats: Chats) -> None:
    running = Running(exchange(chats, quoted_answer(store)))
    running.change(stage="Searching 4,120 passages")
    assert "Searching" not in running_markdown(running)
    running.started -= QUIET_SECONDS
    assert "Searching 4,120 passages" in plain(running_markdown(running))
    slow = Running(running.message)
    slow.change(more_text="The zebrafish", stage="Writing")
    assert "The zebrafish" in running_markdown(slow)


def test_the_evidence_lists_each_sentence_with_its_verdict(store: Store, chats: Chats) -> None:
    invented = AnswerSentence(text="Nobody wrote this.", verdict="unsupported")
    answer = quoted_answer(store)
    message = exchange(chats, replace(answer, sentences=(*answer.sentences, invented)))
    shown = plain(answer_markdown(message, answer.question, References(store)))
    assert "Evidence: 1 of 2 sentences quoted" in shown
    assert f"Quoted{QUOTE} 1" in shown
    assert "Without a sourceNobody wrote this. no source" in shown


def test_a_model_that_did_not_answer_leaves_the_way_to_the_settings(store: Store, chats: Chats) -> None:
    answer = replace(quoted_answer(store), notice="Ollama is not answering. Showing quotes instead.")
    message, references = exchange(chats, answer), References(store)
    with_model = answer_markdown(
        message, answer.question, references, again=Again(model="llama3.1 via Ollama")
    )
    links = f'<a href="#retry-{message.message_id}-same">Retry</a> <a href="#view-settings">Settings</a>'
    assert f"Showing quotes instead&#46; {links}" in with_model
    for again in (Again(), None):  # built in, or no longer the last answer
        assert "#view-settings" not in answer_markdown(message, answer.question, references, again=again)


def test_a_tab_waits_with_an_update_but_not_with_the_first_words_nor_with_the_end(chats: Chats) -> None:
    running = Running(chats.add_exchange(chats.create("When?").chat_id, "When?"))
    far = time.monotonic() + 60
    started = time.monotonic()
    running.change(stage="Reading", more_text="The")
    running.wait_for_words(far, begun=False)  # the first words are there
    running.wait_for_words(started + 0.2, begun=True)
    assert 0.2 <= time.monotonic() - started < 30
    threading.Timer(0.1, running.change, kwargs={"finished": True}).start()
    running.wait_for_words(far, begun=True)
    assert running.finished
    assert time.monotonic() < started + 30
