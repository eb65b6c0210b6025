"""The reader's network: MiniLM with three heads. Imports torch; nothing else of ``rag`` does.

Heads on the last hidden states: *answerable* (one number from [CLS]), *evidence* (one number for each
sentence, from the mean of its tokens) and *span* (start and end of the short answer; [CLS] stands for
"no answer here", as in BERT's reading of SQuAD 2.0, Devlin et al. 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import BertConfig, BertModel

NEVER = -1e4  # a logit that means "not here", finite also in half precision


class ReaderNetwork(nn.Module):
    """A BERT body with the three heads.

    ``lower_precision`` runs the body in bfloat16: faster where the processor computes with it, slower
    where it does not. The heads always run in float32.
    """

    lower_precision = False

    def __init__(self, body: BertModel) -> None:
        super().__init__()
        width = body.config.hidden_size
        self.body = body
        self.answerable = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))
        self.evidence = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, 1))
        self.span = nn.Linear(width, 2)

    def forward(
        self, ids: Tensor, types: Tensor, mask: Tensor, allowed: Tensor, pooling: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Read a batch of pairs; :func:`~rag.reader.features.arrays_of` gives the arguments.

        Returns:
            Logits: answerable (n,), evidence (n, sentences), start and end (n, length). Sentences that are
            not there and positions outside the text and [CLS] have :data:`NEVER`.
        """
        with torch.autocast(ids.device.type, dtype=torch.bfloat16, enabled=self.lower_precision):
            states = self.body(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        states = states.float()
        first = states[:, 0]
        sentences = pooling @ states
        asked = first.unsqueeze(1).expand_as(sentences)
        evidence = self.evidence(torch.cat((sentences, asked), dim=-1)).squeeze(-1)
        evidence = evidence.masked_fill(pooling.sum(dim=2) == 0, NEVER)
        spans = self.span(states).masked_fill(allowed.unsqueeze(-1) == 0, NEVER)
        return self.answerable(first).squeeze(-1), evidence, spans[..., 0], spans[..., 1]


class TorchRuns:
    """The network as torch runs it, in the form that ``NetworkReader`` takes."""

    def __init__(self, network: ReaderNetwork, *, threads: int) -> None:
        """``threads`` calls of :meth:`run` at once are a core's work each."""
        self._network = network.eval()
        self.threads = threads

    def prepare_thread(self) -> None:
        torch.set_num_threads(1)

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        device = self._network.span.weight.device
        with torch.inference_mode():
            outputs = self._network(*(torch.from_numpy(array).to(device) for array in inputs))
        return [output.float().cpu().numpy() for output in outputs]


def network_from(folder: Path, *, dropout: float = 0.0) -> ReaderNetwork:
    """A network with the body of the BERT model in ``folder`` and heads that know nothing yet.

    Args:
        dropout: Share of hidden values that are left out in training. One pass over the rows repeats
            nothing that it would have to keep from being learnt by heart, and on a CPU it costs a fifth
            of the time.
    """
    config = BertConfig.from_json_file(str(folder / "config.json"))
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    # The file is read here and not by ``from_pretrained``, which reports on what it leaves aside: the pooler.
    body = BertModel(config, add_pooling_layer=False)
    tensors = load_file(str(folder / "model.safetensors"))
    body.load_state_dict({name: tensors[name].float() for name in body.state_dict()})
    return ReaderNetwork(body)
