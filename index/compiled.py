"""Networks compiled for the CPU by OpenVINO: made once from a torch module, then run without torch.

A compiled network is a folder that appears whole or not at all: the graph, its weights, and
``about.json``, which holds the SHA-256 of both and what its maker wants to know of it later. Torch
takes seconds to import and half as long again to compute the same; nothing here is ever needed,
though: without OpenVINO, or where a compiled network does not give what the torch module gives,
callers use torch.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from queue import LifoQueue
from threading import Event, Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.eight_bits import GROUP, put_in_eight_bits

logger = logging.getLogger(__name__)

EMBEDDER = "embedder"  # the name of the embedding model's network

_FORMAT = 1  # raise it when a folder written before can no longer be used
_KEPT = 4  # of one name: other models, and releases of OpenVINO
_GRAPH, _WEIGHTS, _ABOUT = "network.xml", "network.bin", "about.json"

_first_run = Lock()  # of this process, whichever network; see CompiledNetwork.run
_has_run = Event()


@cache
def openvino() -> Any | None:
    """The module, None where there is none for this machine."""
    # Its telemetry looks up a host and writes to the home folder, in a child process, on import.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino as module
    except (ImportError, OSError) as exc:  # OSError: a library of the system is missing
        logger.info("OpenVINO cannot be used: %s", exc)
        return None
    return module


def processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class CompiledNetwork:
    """A network that is ready to run. Safe to use from several threads.

    It is run in two ways; the second is prepared when it is first used, for who computes the vectors of a
    million passages asks nothing.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any], *, threads: int) -> None:
        """``folder`` must have been checked (:func:`open_compiled` does)."""
        self.about = about
        self.threads = threads
        core = _core()
        bfloat16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.precision = "bf16" if bfloat16 else "f32"  # where it is emulated, bfloat16 is slower
        model = core.read_model(str(folder / _GRAPH))
        self._many = _Plan(model, self.precision, runs=threads, threads=threads)
        self._many.prepare()
        self._alone = _Plan(model, self.precision, runs=1, threads=threads)

    def prepare_thread(self) -> None:
        """Nothing is to be set: the runtime has its own threads."""

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """The outputs for the inputs, both in the order of the module's arguments and results.

        Each of ``threads`` runs at once has one thread to itself: for matrices as small as these that does
        a third more in a second than all of them on one run after the other. Waits while all are taken.
        """
        return self._many.run(inputs)

    def run_alone(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """The same on all threads, one run after the other: soonest for something small that is waited for.

        A question of 12 tokens takes 1.7 ms on two threads and 3.1 on one (bf16 without matrix units).
        """
        return self._alone.run(inputs)


class _Plan:
    """A way to run a network: so many runs at once on so many threads."""

    def __init__(self, model: Any, precision: str, *, runs: int, threads: int) -> None:
        self._model = model
        self._runs = runs
        self._settings = {
            "NUM_STREAMS": runs,
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": precision,
            # Bound to one processor each, the threads of the server and of the indexer would share one
            # while another is idle: a question beside other work took 9.6 ms, unbound it takes 7.9.
            "ENABLE_CPU_PINNING": False,
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP,  # for weights that are kept in eight bits, no others
        }
        self._preparing = Lock()
        self._requests: LifoQueue[Any] | None = None

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        requests = self.prepare()
        request = requests.get()
        try:
            # The first run of a process goes alone: OpenVINO fills tables then (of its number types as
            # numpy's, in ``Type.to_dtype``) and waits for the interpreter meanwhile. A second thread that
            # has the interpreter and waits for the tables would wait for ever.
            with nullcontext() if _has_run.is_set() else _first_run:
                found = request.infer(dict(enumerate(inputs)), share_inputs=True)
                outputs = [
                    np.array(found[position], dtype=np.float32)
                    for position in range(len(self._model.outputs))
                ]
                _has_run.set()
            return outputs
        finally:
            requests.put(request)

    def prepare(self) -> LifoQueue[Any]:
        """Make the requests that runs take and give back, if nobody has yet (.15 s for MiniLM)."""
        with self._preparing:
            if self._requests is None:
                compiled = _core().compile_model(self._model, "CPU", self._settings)
                self._requests = LifoQueue()
                for _ in range(self._runs):
                    self._requests.put(compiled.create_infer_request())
            return self._requests


def open_compiled(cache: Path, name: str, identity: str, *, threads: int) -> CompiledNetwork | None:
    """The network that was compiled before from the same weights by the same release of OpenVINO.

    Args:
        cache: Where compiled networks are kept.
        name: Of the network, a word.
        identity: Of the weights, and of all else that decides what the network gives.

    Returns:
        None when it has to be made: it is not there, or not byte for byte as it was written.
    """
    if openvino() is None:
        return None
    folder = _folder(cache, name, identity)
    try:
        about: dict[str, Any] = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        for file, sha256 in about["files"].items():
            if _sha256(folder / file) != sha256:
                raise ValueError(f"{file} is not what was written")
        return CompiledNetwork(folder, about["about"], threads=threads)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as exc:
        logger.warning("the compiled network %s is made anew: %s", name, exc)
        return None


def make_compiled(
    cache: Path,
    name: str,
    identity: str,
    module: Any,
    example: Sequence[Any],
    *,
    axes: Sequence[int],
    about: Mapping[str, Any],
    threads: int,
    eight_bits: bool = False,
) -> CompiledNetwork | None:
    """Compile a torch module (seconds) and keep it in place of the oldest of this name.

    Args:
        module: In ``eval`` mode; it takes tensors and gives a tensor or a tuple of them.
        example: Tensors to call it with, no dimension of them 1.
        axes: Of each input, how many dimensions it has; each of them may vary.
        about: JSON, to be found as :attr:`CompiledNetwork.about` later.
        eight_bits: Whether to multiply whole numbers where it can, see :mod:`index.eight_bits`.

    Returns:
        None when it cannot be compiled or kept here.
    """
    ov = openvino()
    if ov is None:
        return None
    folder = _folder(cache, name, identity)
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f"{name}-", suffix=".tmp", dir=cache))
        try:
            with _quietly():
                model = ov.convert_model(
                    module, example_input=tuple(example), input=[ov.PartialShape([-1] * n) for n in axes]
                )
            ov.save_model(model, work / _GRAPH, compress_to_fp16=True)  # kept so, computed in float32
            if eight_bits:
                _round(work)
            files = {file: _sha256(work / file) for file in (_GRAPH, _WEIGHTS)}
            described = {"about": dict(about), "files": files}
            (work / _ABOUT).write_text(json.dumps(described), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)  # damaged, or we would not be here
            work.replace(folder)
            _remove_old(cache, name)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except Exception as exc:  # noqa: BLE001 - the tracer and OpenVINO raise whatever they like
        logger.warning("the network %s cannot be compiled, torch is used instead: %s", name, exc)
        if not folder.exists():  # another process may have been quicker
            return None
    return open_compiled(cache, name, identity, threads=threads)


def _round(work: Path) -> None:
    """Put a network that was saved in eight bits, the rest of it left in half precision."""
    ov = openvino()
    assert ov is not None
    rounded = work / "rounded.xml"
    model = _core().read_model(str(work / _GRAPH))
    put_in_eight_bits(model)
    ov.save_model(model, rounded, compress_to_fp16=False)
    del model  # it looks into the file that is replaced
    rounded.replace(work / _GRAPH)
    rounded.with_suffix(".bin").replace(work / _WEIGHTS)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the warnings of a trace, which notes every shape; and the log stays as it was set up."""
    root = logging.getLogger()
    level, handlers, filters = root.level, list(root.handlers), list(root.filters)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
        root.handlers[:], root.filters[:] = handlers, filters


def forget_compiled(cache: Path, name: str, identity: str) -> None:
    """Remove a network that turned out not to give what it should."""
    shutil.rmtree(_folder(cache, name, identity), ignore_errors=True)


def is_compiled(cache: Path, name: str) -> bool:
    """Whether a network of this name is kept, and there is OpenVINO to run it: a look that loads nothing."""
    return find_spec("openvino") is not None and any(cache.glob(f"{name}-*/{_ABOUT}"))


def _remove_old(cache: Path, name: str) -> None:
    folders = [folder for folder in cache.glob(f"{name}-*") if folder.suffix != ".tmp"]
    folders.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    for old in folders[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _folder(cache: Path, name: str, identity: str) -> Path:
    ov = openvino()
    key = f"{_FORMAT}|{ov.get_version() if ov is not None else ''}|{identity}"
    return cache / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


@cache
def _core() -> Any:
    ov = openvino()
    assert ov is not None
    return ov.Core()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
