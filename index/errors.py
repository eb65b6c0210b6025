"""What can go wrong, in one tree; every error says what to do next.

    FootnoteError
    ├── DocumentError         one document cannot be read; the rest of an ingest goes on
    ├── SourceError           a path that was named does not exist or may not be read
    ├── UnknownCollectionError a collection that was named does not exist
    ├── UnknownDocumentError  a document that was chosen is no longer there
    ├── EmbeddingError        the embedding model is missing, damaged, or gave unusable vectors
    └── StoreError            the data folder
        ├── BusyError             another process is indexing
        ├── StorageError          disk full, read-only, permission denied
        ├── NewerDatabaseError    written by a later release
        ├── StaleVersionError     content that a publish refers to was removed meanwhile
        ├── EmbedderMismatchError the index was built with another embedding model
        └── DamagedError          the catalog is damaged, or a derived file was while it was in use

``rag.errors`` extends the tree; imports only point down.
"""

from __future__ import annotations

from typing import Literal

DocumentProblem = Literal[
    "empty",
    "binary",
    "unsupported",
    "password",
    "damaged",
    "too_large",
    "timeout",
    "crashed",
    "no_text",
    "no_words",
    "unreadable",
    "changed_while_reading",
]


class FootnoteError(Exception):
    """An expected failure: ``str(error)`` says what happened, ``hint`` the next step to take."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class DocumentError(FootnoteError):
    """One document cannot be read. ``problem`` is a stable word, the message is for people."""

    def __init__(self, problem: DocumentProblem, message: str, *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.problem: DocumentProblem = problem


class SourceError(FootnoteError):
    """A file or folder that was named does not exist or may not be read."""


class UnknownCollectionError(FootnoteError):
    """A collection that was named does not exist. The hint names those that do."""


class UnknownDocumentError(FootnoteError):
    """A document that was chosen to be searched is no longer there, or none was chosen."""


class EmbeddingError(FootnoteError):
    """The embedding model is missing or damaged, or it gave vectors that cannot be stored."""


class StoreError(FootnoteError):
    """The data folder cannot do what was asked."""


class BusyError(StoreError):
    """Another process holds the lock that this operation needs."""


class StorageError(StoreError):
    """The file system refused: disk full, read-only, permission denied."""


class NewerDatabaseError(StoreError):
    """The catalog was written by a later release of Footnote."""


class StaleVersionError(StoreError):
    """A publish refers to stored content that another process removed in between."""


class EmbedderMismatchError(StoreError):
    """The index was built with an embedding model other than the one in the settings."""


class DamagedError(StoreError):
    """The catalog is not what was written to it, or the keyword index was damaged while it was in use.

    Derived files that are found damaged when they are opened never raise this; they are rebuilt.
    """
