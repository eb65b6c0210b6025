"""Trained weights into the file that ships: ``python -m rag.reader.ship FULL --rank 64 [--out FILE]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from safetensors.torch import load_file, save_file

from index.embeddings import packaged_model
from rag.reader.network import network_from
from rag.reader.reading import WEIGHTS
from rag.reader.weights import compressed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("full", type=Path, help="what training wrote")
    parser.add_argument("--rank", type=int, default=64, help="of each matrix's difference from MiniLM")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    original = network_from(packaged_model()).state_dict()
    save_file(compressed(load_file(str(given.full)), original, rank=given.rank), str(given.out))


if __name__ == "__main__":
    main()
