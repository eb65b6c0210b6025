"""Training the reader: ``python -m rag.reader.train --help``.

One pass over units of a positive row and, for some, a negative one of the same question or passage.
Several processes share a batch and average their gradients: on a small CPU two processes of one thread
each train about a third faster than one process of two threads.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from index.embeddings import packaged_tokenizer
from index.model_files import packaged_model
from rag.reader import negatives
from rag.reader.features import Pair, PairEncoder, batch_of
from rag.reader.network import NEVER, ReaderNetwork, network_from
from rag.reader.rows import Row, read_rows, window

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides what comes out, written beside the weights."""

    files: tuple[str, ...]
    take: tuple[int, ...]  # rows of each file; 0 takes all
    folds: tuple[int, ...]  # of rows that carry one; other rows are always taken
    start: str  # weights to go on from; "" is MiniLM
    epochs: float
    rate: float
    batch_pairs: int
    window_chars: int
    mined_share: float
    exchanged_share: float
    frozen_layers: int  # of the body, counted from below
    seed: int


Unit = tuple[Row, ...]


def units_of(recipe: Recipe) -> list[Unit]:
    """The rows to learn from, each with its negative if it has one, in random order."""
    rng = random.Random(recipe.seed)
    units: list[Unit] = []
    for name, take in zip(recipe.files, recipe.take, strict=True):
        rows = [row for row in read_rows(Path(name)) if row.fold is None or row.fold in recipe.folds]
        rng.shuffle(rows)
        rows = rows[: take or None]
        units += _with_negatives(rows, recipe, rng)
    rng.shuffle(units)
    return units


def _with_negatives(rows: Sequence[Row], recipe: Recipe, rng: random.Random) -> list[Unit]:
    answerable = [row for row in rows if row.answers]
    # Questions on a passage without a title ("What brand is it?") are answered by half of the others.
    titled = [row for row in answerable if row.title]
    partners: dict[int, Row] = {}
    chosen = [row for row in titled if rng.random() < recipe.mined_share]
    for row, other in zip(chosen, negatives.mined(chosen, titled, rng) if chosen else (), strict=True):
        if other is not None:
            partners[id(row)] = other
    rest = [row for row in answerable if id(row) not in partners and rng.random() < recipe.exchanged_share]
    for row, other in zip(rest, negatives.exchanged(rest, rng), strict=True):
        if other is not None:
            partners[id(row)] = other
    return [(row, partners[id(row)]) if id(row) in partners else (row,) for row in rows]


# -- one process -----------------------------------------------------------------------------------


def loss_of(
    network: ReaderNetwork, rows: Sequence[Row], pairs: Sequence[Pair], together: Sequence[int]
) -> Tensor:
    """The loss of one batch: span + evidence + answerable + rank of a positive over its own negative.

    Args:
        together: The number of the unit that each row belongs to.
    """
    output = network.read(batch_of(pairs))
    starts = torch.full_like(output.start, NEVER)
    ends = torch.full_like(output.end, NEVER)
    sentences = torch.full_like(output.evidence, NEVER)
    answerable = torch.zeros(len(rows))
    weights = torch.tensor([row.weight for row in rows])
    for at, (row, pair) in enumerate(zip(rows, pairs, strict=True)):
        for first, last in _token_spans(row, pair):
            starts[at, first] = ends[at, last] = 0.0
        if row.answers and starts[at].max() == 0.0:
            answerable[at] = 1.0
            for number in _evidence_numbers(row, pair):
                sentences[at, number] = 0.0
        else:
            starts[at, 0] = ends[at, 0] = 0.0
    has_sentence = sentences.max(dim=1).values == 0.0
    span = -(_marginal(output.start, starts) + _marginal(output.end, ends)) / 2
    evidence = -_marginal(output.evidence, sentences) * has_sentence
    decision = F.binary_cross_entropy_with_logits(output.answerable, answerable, reduction="none")
    rank = output.answerable.new_zeros(())
    for at in range(1, len(rows)):
        if together[at] == together[at - 1]:
            rank = rank + F.softplus(output.answerable[at] - output.answerable[at - 1])
    total: Tensor = ((span + 0.7 * decision) * weights + evidence).sum() + 0.5 * rank
    return total / len(rows)


def _marginal(logits: Tensor, allowed: Tensor) -> Tensor:
    """Log probability (n,) that one of the allowed positions is chosen."""
    return torch.logsumexp(logits + allowed, dim=1) - torch.logsumexp(logits, dim=1)


def _token_spans(row: Row, pair: Pair) -> list[tuple[int, int]]:
    """The answers as positions of their first and last token, without those that were cut off."""
    found: list[tuple[int, int]] = []
    for start, end in row.answers:
        inside = [at for at, (first, last) in enumerate(pair.offsets) if first < end and last > start]
        if inside and pair.offsets[inside[-1]][1] >= end:
            found.append((pair.first + inside[0], pair.first + inside[-1]))
    return found


def _evidence_numbers(row: Row, pair: Pair) -> set[int]:
    return {
        number
        for number, (start, end) in enumerate(row.sentences)
        if any(start < last and first < end for first, last in row.evidence) and number in pair.sentence_of
    }


def _train(rank: int, processes: int, recipe: Recipe, out: Path, rendezvous: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    torch.manual_seed(recipe.seed)
    if processes > 1:
        dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=processes)
    rng = random.Random(recipe.seed)
    encoder = PairEncoder(packaged_tokenizer())
    network = network_from(packaged_model())
    if recipe.start:
        load_full(network, Path(recipe.start))
    network.body.embeddings.requires_grad_(False)
    for layer in network.body.encoder.layer[: recipe.frozen_layers]:
        layer.requires_grad_(False)
    body = [
        weight
        for name, weight in network.named_parameters()
        if weight.requires_grad and name.startswith("body")
    ]
    heads = [weight for name, weight in network.named_parameters() if not name.startswith("body")]
    head_rate = recipe.rate * (1.0 if recipe.start else 5.0)
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": recipe.rate}, {"params": heads, "lr": head_rate}], weight_decay=0.01
    )
    units = units_of(recipe)
    batches = _batches(units, recipe, processes, rng)
    steps = len(batches)
    warm = max(1, steps // 15)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda at: min(1.0, (at + 1) / warm) * max(0.02, 1 - at / steps)
    )
    network.train()
    started, seen, running = time.perf_counter(), 0, 0.0
    for step, batch in enumerate(batches):
        mine = _share_of(batch, rank, processes)
        rows = [window(_titled(row, rng), recipe.window_chars, rng) for unit in mine for row in unit]
        together = [number for number, unit in enumerate(mine) for _ in unit]
        pairs = [encoder.encode(row.question, row.title, row.text, row.sentences) for row in rows]
        loss = loss_of(network, rows, pairs, together)
        loss.backward()  # type: ignore[no-untyped-call]
        if processes > 1:
            _average_gradients([*body, *heads], processes)
        torch.nn.utils.clip_grad_norm_([*body, *heads], 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        seen += len(rows) * processes
        running += (loss.item() - running) / min(step + 1, 50)
        if rank == 0 and (step + 1) % 20 == 0:
            rate = seen / (time.perf_counter() - started)
            logger.info("step %d of %d, loss %.3f, %.1f pairs/s", step + 1, steps, running, rate)
        if rank == 0 and (step + 1) % 300 == 0:
            save_full(network, out)
    if rank == 0:
        save_full(network, out)
        out.with_suffix(".json").write_text(json.dumps(asdict(recipe), indent=1) + "\n", encoding="utf-8")
    if processes > 1:
        dist.destroy_process_group()


def _titled(row: Row, rng: random.Random) -> Row:
    """Now and then without its title: many documents have none."""
    from dataclasses import replace

    return replace(row, title="") if row.title and rng.random() < 0.25 else row


def _batches(units: Sequence[Unit], recipe: Recipe, processes: int, rng: random.Random) -> list[list[Unit]]:
    """Batches of about ``batch_pairs`` rows of like length, in random order."""

    def length(unit: Unit) -> int:
        return max(min(len(row.text), recipe.window_chars) + len(row.question) for row in unit)

    batches: list[list[Unit]] = []
    whole, part = divmod(recipe.epochs, 1)
    for turn in range(math.ceil(recipe.epochs)):
        shuffled = list(units)
        rng.shuffle(shuffled)
        if turn == whole:
            shuffled = shuffled[: round(part * len(shuffled))]
        for start in range(0, len(shuffled), 40 * recipe.batch_pairs):
            pool = sorted(shuffled[start : start + 40 * recipe.batch_pairs], key=length)
            batch: list[Unit] = []
            made: list[list[Unit]] = []
            for unit in pool:
                batch.append(unit)
                if sum(len(each) for each in batch) >= recipe.batch_pairs:
                    made.append(batch)
                    batch = []
            if len(batch) >= processes:
                made.append(batch)
            rng.shuffle(made)
            batches += made
    return batches


def _share_of(batch: Sequence[Unit], rank: int, processes: int) -> list[Unit]:
    """Every so-manieth unit, there and back (0 1 1 0 0 1 ...), so that all get as much to read.

    Units lie in the order of their length inside a batch.
    """
    there_and_back = [*range(processes), *reversed(range(processes))]
    return [unit for at, unit in enumerate(batch) if there_and_back[at % len(there_and_back)] == rank]


def _average_gradients(weights: Sequence[Tensor], processes: int) -> None:
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= processes
    at = 0
    for gradient in gradients:
        gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
        at += gradient.numel()


def save_full(network: ReaderNetwork, path: Path) -> None:
    """Write every trained tensor, in float32."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: tensor.detach().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.startswith("body.embeddings")
    }
    save_file(tensors, str(path))


def load_full(network: ReaderNetwork, path: Path) -> None:
    """Read what :func:`save_full` wrote."""
    from safetensors.torch import load_file

    missing, unexpected = network.load_state_dict(load_file(str(path)), strict=False)
    strangers = [*unexpected, *(name for name in missing if not name.startswith("body.embeddings"))]
    if strangers:
        raise ValueError(f"{path} holds other weights than the reader's: {strangers[0]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="+", help="files of rows, each as FILE or FILE:COUNT")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", default="", help="weights to go on from")
    parser.add_argument("--folds", default="0,1,2,3", help="of rows that carry a fold, those to learn from")
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--rate", type=float, default=1.2e-4)
    parser.add_argument("--batch-pairs", type=int, default=24)
    parser.add_argument("--window-chars", type=int, default=750)
    parser.add_argument("--mined-share", type=float, default=0.4)
    parser.add_argument("--exchanged-share", type=float, default=0.35)
    parser.add_argument("--frozen-layers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    named = [name.partition(":") for name in given.rows]
    recipe = Recipe(
        files=tuple(name for name, _, _ in named),
        take=tuple(int(count or 0) for _, _, count in named),
        folds=tuple(int(fold) for fold in given.folds.split(",") if fold),
        start=given.start,
        epochs=given.epochs,
        rate=given.rate,
        batch_pairs=given.batch_pairs,
        window_chars=given.window_chars,
        mined_share=given.mined_share,
        exchanged_share=given.exchanged_share,
        frozen_layers=given.frozen_layers,
        seed=given.seed,
    )
    with tempfile.TemporaryDirectory(prefix="footnote-training-") as folder:
        rendezvous = str(Path(folder) / "rendezvous")
        if given.processes == 1:
            _train(0, 1, recipe, given.out, rendezvous)
        else:
            spawn(  # type: ignore[no-untyped-call]
                _train, args=(given.processes, recipe, given.out, rendezvous), nprocs=given.processes
            )


if __name__ == "__main__":
    main()
