"""How fast this index was written before: what the time that a plan names rests on."""

from __future__ import annotations

import json
import logging

from index.catalog import Catalog, get_meta, set_meta
from index.errors import StoreError

logger = logging.getLogger(__name__)

KEPT_RUNS = 5
# A run of fewer passages spends its time on starting; it counts only while there is no longer one.
ENOUGH_PASSAGES = 64
_KEY = "speed"


def record_speed(catalog: Catalog, fingerprint: str, *, passages: int, seconds: float) -> None:
    """Remember how long a run took to embed and publish so many passages with this model.

    A disk that has no room for it is no reason to fail: nothing but an estimate depends on it.
    """
    if passages <= 0 or seconds <= 0:
        return
    try:
        with catalog.writing() as connection:
            runs = [*_runs(get_meta(connection, _KEY), fingerprint), (passages, seconds)]
            long = [run for run in runs if run[0] >= ENOUGH_PASSAGES]
            kept = {"fingerprint": fingerprint, "runs": (long or runs)[-KEPT_RUNS:]}
            set_meta(connection, _KEY, json.dumps(kept))
    except StoreError as exc:
        logger.warning("the speed of a run could not be noted: %s", type(exc).__name__)


def passages_a_second(catalog: Catalog, fingerprint: str) -> tuple[float, float] | None:
    """The slowest and the fastest of the last runs with this model; None when there was none."""
    with catalog.reading() as connection:
        runs = _runs(get_meta(connection, _KEY), fingerprint)
    rates = [passages / seconds for passages, seconds in runs]
    return (min(rates), max(rates)) if rates else None


def _runs(noted: str | None, fingerprint: str) -> list[tuple[int, float]]:
    if noted is None:
        return []
    known = json.loads(noted)
    if known["fingerprint"] != fingerprint:
        return []
    return [(int(passages), float(seconds)) for passages, seconds in known["runs"]]
