"""What every test stands on: no test touches the user's own data, and the real model loads once."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from index.embeddings import Embedder


@pytest.fixture(scope="session", autouse=True)
def _no_users_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point Footnote, and each process that a test starts, at an empty folder; drop the user's settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("FOOTNOTE_"):
                patch.delenv(name)
        patch.setenv("FOOTNOTE_DATA", str(tmp_path_factory.mktemp("users-data")))
        # Compiling takes seconds: once for all tests, also where several processes run them.
        base = tmp_path_factory.getbasetemp()
        shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
        patch.setenv("FOOTNOTE_EMBEDDING__COMPILED", str(shared / "compiled"))
        yield


@pytest.fixture(scope="session")
def minilm() -> Embedder:
    """The built-in embedding model (seconds to load). Tests that use it carry the mark ``model``."""
    from index.embeddings import load_embedder

    return load_embedder()
