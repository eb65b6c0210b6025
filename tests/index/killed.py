"""The processes that the kill harness kills: a run of the indexer, and a restore."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from index.backup import read_backup
from index.changes import EmbedderIdentity, PutDocument
from index.chunker import ChunkLimits
from index.documents import ParsedDocument
from index.faults import arm
from index.health import Health, health_of
from index.ingest import IngestOptions, ingest_paths, ingest_uploads, reindex
from index.loaders import load
from index.parsing import Parser
from index.recognition import Recognition
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.index.forked import Say
from tests.index.variants import VARIANTS

VOCABULARY = ("river", "bridge", "harbour", "engine", "letter", "garden", "winter", "market")
OPTIONS = IngestOptions(limits=ChunkLimits(tokens=40, chars=400))


class DirectParser(Parser):
    """Reads in this process: the reader's own process is not what is tested, and slow to start."""

    def read(
        self, data: bytes, name: str, recognition: Recognition | None = None
    ) -> tuple[ParsedDocument, Health]:
        document = load(data, name)
        return document, health_of(document)


class TellingStore(Store):
    """Says what it has acknowledged: the documents put, and that a removal is complete."""

    say: Say

    def publish(
        self,
        *,
        puts: Sequence[PutDocument] = (),
        removals: Sequence[str] = (),
        folder: tuple[str, str] | None = None,
        embedder: EmbedderIdentity | None = None,
    ) -> int:
        generation = super().publish(puts=puts, removals=removals, folder=folder, embedder=embedder)
        for put in puts:
            self.say({"put": f"{put.collection}/{put.path}", "hash": put.content_hash})
        return generation


def work(
    say: Say,
    *,
    data: str,
    folder: str,
    uploads: list[list[str]],
    reindexed: list[str],
    removed: list[str],
    point: str | None,
    passage: int,
    variant: str,
) -> None:
    """The run that is killed: at the ``passage``-th time at ``point``, from outside, or not at all."""
    passed: Counter[str] = Counter()

    def at(name: str) -> None:
        passed[name] += 1
        if name == point and passed[name] == passage:
            os.kill(os.getpid(), signal.SIGKILL)

    arm(at)
    embedder, parser = WordCountEmbedder(VOCABULARY), DirectParser()
    with VARIANTS[variant](), TellingStore.open(Path(data)) as store:
        store.say = say
        ingest_paths(store, embedder, parser, [Path(folder)], options=OPTIONS)
        ingest_uploads(store, embedder, parser, [(Path(p), name) for p, name in uploads], options=OPTIONS)
        by_key = {f"{row.collection}/{row.path}": row.doc_id for row in store.documents()}
        ids = [by_key[key] for key in reindexed if key in by_key]
        reindex(store, embedder, parser, ids, options=OPTIONS)
        store.remove([by_key[key] for key in removed if key in by_key])
        say({"removed": True})
        store.write_checkpoint()
        store.purge(undo_seconds=0, patient=False)
    for name, count in passed.items():
        say({"point": name, "passages": count})


def restore(say: Say, *, archive: str, data: str, point: str | None) -> None:
    """Put a backup in the place of a data folder, and be killed at ``point``, or not at all."""

    def at(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    arm(at)
    read_backup(Path(archive), Path(data), force=True)
