"""Training the reader: ``python -m rag.reader.train --help``.

On a CPU several processes share a batch and average their gradients: on a small one, two processes of one
thread each train about a third faster than one process of two threads. A GPU takes one process, which
computes in bfloat16 while others make the batches.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import spawn
from torch.utils.data import DataLoader

from index.model_files import packaged_model
from rag.reader.lessons import Lesson, Lessons, loss_of
from rag.reader.network import ReaderNetwork, network_from
from rag.reader.units import Recipe, batches_of, share_of

logger = logging.getLogger(__name__)

_REPORT_STEPS = 50


def _train(rank: int, processes: int, device: str, recipe: Recipe, out: Path, rendezvous: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    torch.manual_seed(recipe.seed)
    if processes > 1:
        dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=processes)
    network = network_from(packaged_model(), dropout=recipe.dropout)
    if recipe.start:
        load_full(network, Path(recipe.start))
    network.lower_precision = device != "cpu"
    network.to(device).train()
    network.body.embeddings.requires_grad_(False)
    for layer in network.body.encoder.layer[: recipe.frozen_layers]:
        layer.requires_grad_(False)
    named = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
    body = [weight for name, weight in named if name.startswith("body")]
    heads = [weight for name, weight in named if not name.startswith("body")]
    head_rate = recipe.rate * (1.0 if recipe.start else 5.0)
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": recipe.rate}, {"params": heads, "lr": head_rate}], weight_decay=0.01
    )
    batches = [mine for batch in batches_of(recipe) if (mine := share_of(batch, rank, processes))]
    steps = _same_for_all(len(batches), processes)
    if not steps:
        raise ValueError("there is nothing to learn from: no rows, or less than a batch of an epoch")
    lessons: DataLoader[Lesson] = DataLoader(
        Lessons(batches[:steps], recipe),
        batch_size=None,
        num_workers=0 if device == "cpu" else max(1, min(8, (os.cpu_count() or 1) - 1)),
    )
    warm = max(1, steps // 15)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda at: min(1.0, (at + 1) / warm) * max(0.02, 1 - at / steps)
    )
    started, seen = time.perf_counter(), 0
    for step, made in enumerate(lessons, start=1):
        lesson = Lesson(*(tensor.to(device, non_blocking=True) for tensor in made))
        loss = loss_of(network, lesson)
        loss.backward()  # type: ignore[no-untyped-call]
        if processes > 1:
            _average_gradients([*body, *heads], processes)
        torch.nn.utils.clip_grad_norm_([*body, *heads], 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        seen += len(lesson.answerable) * processes
        if rank == 0 and (step % _REPORT_STEPS == 0 or step == steps):
            rate = seen / (time.perf_counter() - started)
            logger.info("step %d of %d, loss %.3f, %.0f pairs/s", step, steps, loss.item(), rate)
        if rank == 0 and step % 1000 == 0:
            save_full(network, out)
    if rank == 0:
        save_full(network, out)
        out.with_suffix(".json").write_text(json.dumps(asdict(recipe), indent=1) + "\n", encoding="utf-8")
    if processes > 1:
        dist.destroy_process_group()


def _same_for_all(steps: int, processes: int) -> int:
    """The least of what the processes have, as each step takes all of them."""
    if processes == 1:
        return steps
    least = torch.tensor(steps)
    dist.all_reduce(least, dist.ReduceOp.MIN)
    return int(least)


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
        name: tensor.detach().cpu().contiguous()
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
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--processes", type=int, default=0, help="on a CPU; 0: one for each core")
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
        dropout=given.dropout,
        seed=given.seed,
    )
    processes = 1 if given.device != "cpu" else given.processes or os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="footnote-training-") as folder:
        rendezvous = str(Path(folder) / "rendezvous")
        if processes == 1:
            _train(0, 1, given.device, recipe, given.out, rendezvous)
        else:
            spawn(  # type: ignore[no-untyped-call]
                _train, args=(processes, given.device, recipe, given.out, rendezvous), nprocs=processes
            )


if __name__ == "__main__":
    main()
