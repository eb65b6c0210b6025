"""Trained weights into the file that ships: ``python -m rag.reader.ship FULL... --rank 64 [--out FILE]``.

Several are averaged: trainings that start from the same weights end so near each other that their mean is
about as good as the best of them, and steadier (Wortsman et al. 2022, "model soups").
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from index.model_files import packaged_model
from rag.reader.network import network_from
from rag.reader.reading import WEIGHTS
from rag.reader.weights import compressed


def averaged(trained: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor; all must hold the same names."""
    first, *others = trained
    return {name: sum((other[name] for other in others), first[name]) / len(trained) for name in first}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("full", type=Path, nargs="+", help="what training wrote")
    parser.add_argument("--rank", type=int, default=64, help="of each matrix's difference from MiniLM")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    original = network_from(packaged_model()).state_dict()
    trained = averaged([load_file(str(path)) for path in given.full])
    save_file(compressed(trained, original, rank=given.rank), str(given.out))


if __name__ == "__main__":
    main()
