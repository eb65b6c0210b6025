"""What can go wrong between a question and its answer; extends the tree in ``index.errors``.

    FootnoteError
    ├── SettingsError         a setting is unknown, or its value cannot be used
    ├── ReaderError           the reader's weights are missing or damaged
    └── GenerationError       the language model cannot be loaded, reached, or broke off

That nothing in the documents answers a question is no error: it is an ``Answer`` with
``status="abstained"``.
"""

from __future__ import annotations

from index.errors import FootnoteError


class SettingsError(FootnoteError):
    """A setting is unknown, or its value cannot be used. The message names where it was set."""


class GenerationError(FootnoteError):
    """The language model cannot be loaded, is not answering, or broke off in the middle."""


class ReaderError(FootnoteError):
    """The reader's weights are missing, damaged, or do not fit the embedding model they were trained from."""
