"""Trained weights into the file that ships: ``python -m rag.reader.ship FULL... [--out FILE]``.

Several are averaged: trainings that start from the same weights end so near each other that their mean is
about as good as the best of them, and steadier (Wortsman et al. 2022, "model soups").
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from index.model_files import packaged_model
from rag.reader.network import network_from
from rag.reader.reading import WEIGHTS
from rag.reader.weights import shipped


def averaged(trained: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor; all must hold the same names."""
    # In double precision the mean of equal numbers is that number: an untrained layer stays as it was.
    return {
        name: torch.stack([each[name].double() for each in trained]).mean(dim=0).float()
        for name in trained[0]
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("full", type=Path, nargs="+", help="what training wrote")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    original = network_from(packaged_model()).state_dict()
    trained = averaged([load_file(str(path)) for path in given.full])
    save_file(shipped(trained, original), str(given.out))


if __name__ == "__main__":
    main()
