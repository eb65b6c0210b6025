"""The claim of a model stands in the pane beside its evidence, with the verdict and its reason in words."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from rag.answers import Verdict
from tests.ui.payloads import HOSTILE
from ui.chats import Message
from ui.claim import claim_html
from ui.references import Located
from ui.stored import StoredAnswer, StoredSentence

EVIDENCE = "The guarantee for the X2 runs for 24 months\nand covers 1,200 euros of repairs."
FOUND = Located(state="current", document=None, version_id=1, start=0, end=len(EVIDENCE), quote=EVIDENCE)


def message(*sentences: StoredSentence) -> Message:
    answer = StoredAnswer(status="answered", sentences=sentences, generator="ollama:a")
    return Message(
        message_id="ab",
        chat_id="cd",
        role="assistant",
        text="",
        answer=answer,
        created_at=0.0,
    )


def claimed(
    text: str | None, verdict: Verdict | None, *, markers: tuple[int, ...] = (1,), marker: int = 1
) -> LexborHTMLParser:
    written = StoredSentence(text=text, markers=markers, verdict=verdict)
    return LexborHTMLParser(claim_html(message(written), marker, FOUND, ("en",)))


def said(shown: LexborHTMLParser) -> str:
    return " ".join(" ".join(line.text().split()) for line in shown.css("p"))


def test_what_both_say_is_bold_on_both_sides_and_named_as_the_reason() -> None:
    shown = claimed("Repairs of an X2 are paid for 24 months, up to 1200 euros.", "supported")
    claim, evidence = (
        [word.text() for word in quote.css("b.fn-same")]
        for quote in LexborHTMLParser(shown.html or "").css("q")
    )
    assert claim == ["Repairs", "X2", "24", "months", "1200", "euros"]
    assert evidence == ["X2", "24", "months", "1,200", "euros", "repairs"]
    assert "The document says: The guarantee for the X2 runs for 24 months and covers" in said(shown)
    assert "Supported: both say Repairs, X2, 24, months, 1200, euros." in said(shown)
    assert shown.css_first(".fn-claim-weak") is None


def test_a_weak_verdict_looks_weak_and_says_when_no_word_is_the_same() -> None:
    shown = claimed("It is insured.", "weak")
    assert "Weakly supported: the meaning is near, but no telling word is the same." in said(shown)
    assert shown.css_first(".fn-claim-weak") is not None


def test_a_verdict_is_drawn_only_where_it_was_computed() -> None:
    assert claimed("It runs 24 months.", None).css_first(".fn-verdict") is None
    # The verdict of a sentence is that of its first mark; of the others none is known.
    for marker, drawn in ((1, True), (2, False)):
        shown = claimed("It runs 24 months.", "supported", markers=(1, 2), marker=marker)
        assert (shown.css_first(".fn-verdict") is not None) is drawn


def test_a_quote_is_the_documents_own_words() -> None:
    own = "Quoted: these are the document’s own words."
    assert said(claimed(None, "quoted")) == own
    written = said(claimed("It runs 24 months.", "quoted"))
    assert written == f"The answer says: It runs 24 months. {own}"


def test_of_evidence_that_is_gone_only_the_claim_is_left() -> None:
    gone = Located(state="removed", document=None)
    written = message(StoredSentence(text="It runs 24 months.", markers=(1,), verdict="supported"))
    shown = LexborHTMLParser(claim_html(written, 1, gone, ("en",)))
    assert said(shown) == "The answer says: It runs 24 months."
    quoted = message(StoredSentence(text=None, markers=(1,), verdict="quoted"))
    assert claim_html(quoted, 1, gone, ("en",)) == ""


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_requirement_23_hostile_text_adds_no_element_to_the_claim(payload: str) -> None:
    found = Located(state="current", document=None, version_id=1, quote=payload)
    written = message(StoredSentence(text=payload, markers=(1,), verdict="supported"))
    shown = LexborHTMLParser(f"<body>{claim_html(written, 1, found, ('en',))}</body>")
    assert shown.body is not None
    tags = {node.tag for node in shown.body.traverse(include_text=False)}
    assert tags <= {"body", "div", "p", "span", "q", "b"}
