"""The settings that the page shows: what each one is called, what it does, and when a change takes effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NEXT_START = "Takes effect at the next start."
NEXT_JOB = "Applies to documents that are read from then on."


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One of a few values that a setting can have."""

    value: str
    label: str
    words: str = ""  # one sentence about it


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One setting on the page. ``name`` is its dotted name, ``when`` says if a change has to wait."""

    name: str
    label: str
    words: str = ""
    kind: Literal["text", "number", "switch", "choice", "model"] = "text"
    options: tuple[Option, ...] = ()
    step: str = "1"
    when: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Settings that belong together. Of a ``staged`` one, changes wait until they are saved together."""

    name: str
    title: str
    words: str
    fields: tuple[Field, ...]
    staged: bool = False


PROVIDER_OPTIONS = (
    Option(value="", label="Built-in"),
    Option(value="ollama", label="Ollama"),
    Option(value="openai", label="OpenAI"),
    Option(value="anthropic", label="Anthropic"),
    Option(value="huggingface", label="Hugging Face folder"),
)

SECTIONS = (
    Section(
        name="answering",
        title="Answering",
        words="The built-in answers are quotes from your documents and need nothing else. A language model"
        " writes sentences of its own from the passages that were found; each of them is checked.",
        staged=True,
        fields=(
            Field(name="generation.model", label="Who answers", kind="model"),
            Field(
                name="generation.others",
                label="Under Retry",
                words="Other models that the last question can be asked of again, with commas between them,"
                " for example ollama:qwen3, openai:gpt-4o.",
            ),
            Field(
                name="generation.base_url",
                label="Address",
                words="Empty: the provider's own. Under Retry it counts for models of the same provider, or"
                " for all while the answers are built in.",
            ),
            Field(
                name="generation.timeout_seconds",
                label="Patience",
                words="Seconds of silence after which quotes are shown instead.",
                kind="number",
                step="any",
            ),
            Field(
                name="generation.temperature",
                label="Temperature",
                words="0 keeps to the passages; higher is freer.",
                kind="number",
                step="any",
            ),
            Field(
                name="generation.max_tokens",
                label="Longest answer",
                words="In tokens, which are about four letters each.",
                kind="number",
            ),
        ),
    ),
    Section(
        name="strictness",
        title="Strictness",
        words="How sure the evidence must be before there is an answer.",
        fields=(
            Field(
                name="answer.strictness",
                label="Answer",
                kind="choice",
                options=(
                    Option(
                        value="strict",
                        label="Strict",
                        words="Answers only when the evidence is strong, and refuses more often than needed.",
                    ),
                    Option(
                        value="balanced",
                        label="Balanced",
                        words="Refuses what the documents do not hold, and seldom what they do.",
                    ),
                    Option(
                        value="open",
                        label="Open",
                        words="Answers from weak evidence too, and says that it is weak.",
                    ),
                ),
            ),
        ),
    ),
    Section(
        name="search",
        title="Search",
        words="How passages are found.",
        fields=(
            Field(
                name="retrieval.passages",
                label="Passages",
                words="How many are shown, and given to a language model.",
                kind="number",
            ),
            Field(
                name="retrieval.dense_weight",
                label="Weight of meaning",
                words="From 0, only the words count, to 1, only the meaning.",
                kind="number",
                step="any",
            ),
            Field(
                name="retrieval.candidates",
                label="Candidates",
                words="Passages taken by meaning, and as many by words, before they are compared.",
                kind="number",
            ),
            Field(
                name="retrieval.read",
                label="Read closely",
                words="How many of the best at most the reader looks into for the answer; 0 turns it off.",
                kind="number",
            ),
        ),
    ),
    Section(
        name="index",
        title="Index",
        words="How documents are cut into passages, and what turns passages into vectors.",
        staged=True,
        fields=(
            Field(
                name="index.chunk_tokens",
                label="Passage length",
                words="In tokens; more than the embedding model reads is not used.",
                kind="number",
                when=NEXT_JOB,
            ),
            Field(
                name="index.chunk_chars",
                label="Longest passage",
                words="In characters.",
                kind="number",
                when=NEXT_JOB,
            ),
            Field(
                name="index.overlap_sentences",
                label="Overlap",
                words="Sentences that a passage repeats of the one before it.",
                kind="number",
                when=NEXT_JOB,
            ),
            Field(
                name="embedding.model",
                label="Embedding model",
                words="Empty: the one that is installed with Footnote; else a folder. With another one"
                " everything is embedded anew, which Documents then offers; until then the old one answers.",
            ),
        ),
    ),
    Section(
        name="reading",
        title="Reading",
        words="Pages that are pictures (scans) hold no text. Where Tesseract is installed, it reads them, on"
        " this computer.",
        fields=(
            Field(
                name="loaders.ocr",
                label="Text recognition",
                kind="choice",
                options=(
                    Option(value="auto", label="Where Tesseract is installed"),
                    Option(value="off", label="Off"),
                ),
                when=NEXT_JOB,
            ),
            Field(
                name="loaders.ocr_languages",
                label="Languages of scans",
                words="Tesseract's codes, for example deu+eng. Empty: chosen from those that are installed.",
                when=NEXT_JOB,
            ),
        ),
    ),
    Section(
        name="appearance",
        title="Appearance",
        words="In every browser that opens this page.",
        fields=(
            Field(
                name="appearance.theme",
                label="Theme",
                kind="choice",
                options=(
                    Option(value="system", label="As the system"),
                    Option(value="light", label="Light"),
                    Option(value="dark", label="Dark"),
                ),
            ),
            Field(
                name="appearance.text_size",
                label="Text size",
                kind="choice",
                options=(
                    Option(value="normal", label="Normal"),
                    Option(value="large", label="Large"),
                    Option(value="largest", label="Largest"),
                ),
            ),
        ),
    ),
    Section(
        name="server",
        title="This page",
        words="Where it is served, and how changes in watched folders are noticed.",
        fields=(
            Field(
                name="server.port",
                label="Port",
                words="0 takes any free one.",
                kind="number",
                when=NEXT_START,
            ),
            Field(
                name="watch.polling",
                label="Look into watched folders again and again",
                words="For network drives, which send no notifications.",
                kind="switch",
                when=NEXT_START,
            ),
        ),
    ),
    Section(
        name="privacy",
        title="Privacy",
        words="",  # what leaves this computer depends on the settings
        fields=(
            Field(
                name="privacy.offline",
                label="Stay offline",
                words="No language model on another computer is asked, and no model fetched by its name.",
                kind="switch",
            ),
        ),
    ),
    Section(
        name="history",
        title="Conversations",
        words="How long they are kept after the last question. Then they are deleted for good, at the start"
        " and once a day.",
        staged=True,
        fields=(
            Field(
                name="privacy.keep_days",
                label="Keep them",
                kind="choice",
                options=(
                    Option(value="-1", label="For ever"),
                    Option(value="365", label="A year"),
                    Option(value="90", label="90 days"),
                    Option(value="30", label="30 days"),
                    Option(value="7", label="A week"),
                    Option(
                        value="0",
                        label="Not at all",
                        words="They are gone at the next start, or after a day.",
                    ),
                ),
            ),
        ),
    ),
)
FIELDS = {field.name: (section, field) for section in SECTIONS for field in section.fields}
