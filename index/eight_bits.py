"""Weights of a compiled network in eight bits, for processors that multiply such numbers twice as fast.

Each row of weights becomes whole numbers from -127 to 127 and one scale, which loses little as the weights
of a row are of one size. Where OpenVINO finds a product with such weights, it rounds what comes in likewise
while it runs, a scale for each :data:`GROUP` numbers of a token, and multiplies whole numbers ("dynamic
quantization" in its documentation). Rounding by token and by row is what keeps it near to the original [1].

[1] Dettmers, Lewis, Belkada, Zettlemoyer, "LLM.int8()", NeurIPS 35 (2022), section 2: vector-wise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# Numbers of a token that share a scale. On 60 questions and passages of SQuADShifts, with the reader, a logit
# is .011 from float32's on average in bfloat16, .041 so, .064 with 384 to a scale; a passage takes 28, 23
# and 24 ms of a processor.
GROUP = 64
_FEWEST = 10_000  # weights; what is smaller takes no time
_GREATEST = 127


def put_in_eight_bits(model: Any) -> int:
    """Round the weights that a matrix of tokens is multiplied with; everything else stays as it is.

    Args:
        model: An ``openvino.Model``, changed in place.

    Returns:
        How many matrices those are.
    """
    from openvino import opset13 as ops

    rounded = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        weights = _constant(node.input_value(1).get_node())
        if weights is None or weights.ndim != 2 or weights.size < _FEWEST:
            continue
        summed_over = 1 if node.get_attributes()["transpose_b"] else 0
        scale = np.abs(weights).max(axis=summed_over, keepdims=True) / _GREATEST
        scale[scale == 0] = 1.0
        whole = np.round(weights / scale).astype(np.int8)
        restored = ops.multiply(ops.convert(ops.constant(whole), "f32"), ops.constant(scale))
        node.input(1).replace_source_output(restored.output(0))
        rounded += 1
    return rounded


def _constant(node: Any) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    if node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return np.array(node.data, dtype=np.float32) if node.get_type_name() == "Constant" else None
