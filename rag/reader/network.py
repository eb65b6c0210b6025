"""The reader's network: MiniLM with three heads. Imports torch; nothing else of ``rag`` does.

Heads on the last hidden states: *answerable* (one number from [CLS]), *evidence* (one number for each
sentence, from the mean of its tokens) and *span* (start and end of the short answer; [CLS] stands for
"no answer here", as in BERT's reading of SQuAD 2.0, Devlin et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from rag.reader.features import Batch

NEVER = -1e4  # a logit that means "not here", finite also in half precision


@dataclass(frozen=True, slots=True)
class Output:
    """Logits: ``answerable`` (n,), ``evidence`` (n, sentences), ``start`` and ``end`` (n, length).

    Sentences that are not there and positions outside the text and [CLS] have :data:`NEVER`.
    """

    answerable: Tensor
    evidence: Tensor
    start: Tensor
    end: Tensor


class ReaderNetwork(nn.Module):
    """A BERT body with the three heads."""

    def __init__(self, body: BertModel) -> None:
        super().__init__()
        width = body.config.hidden_size
        self.body = body
        self.answerable = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))
        self.evidence = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, 1))
        self.span = nn.Linear(width, 2)

    def forward(self, batch: Batch, *, bfloat16: bool = False) -> Output:
        """Read a batch of pairs; the body in bfloat16 if told so, the heads always in float32."""
        device = self.span.weight.device
        mask = torch.from_numpy(batch.mask).to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
            states = self.body(
                input_ids=torch.from_numpy(batch.ids).to(device),
                attention_mask=mask.long(),
                token_type_ids=torch.from_numpy(batch.types).to(device),
            ).last_hidden_state
        states = states.float()
        first = states[:, 0]
        pooling = torch.from_numpy(batch.pooling).to(device)
        sentences = pooling @ states
        asked = first.unsqueeze(1).expand_as(sentences)
        evidence = self.evidence(torch.cat((sentences, asked), dim=-1)).squeeze(-1)
        evidence = evidence.masked_fill(pooling.sum(dim=2) == 0, NEVER)
        spans = self.span(states)
        allowed = torch.from_numpy(batch.in_text).to(device)
        allowed[:, 0] = True
        spans = spans.masked_fill(~allowed.unsqueeze(-1), NEVER)
        return Output(
            answerable=self.answerable(first).squeeze(-1),
            evidence=evidence,
            start=spans[..., 0],
            end=spans[..., 1],
        )


def network_from(folder: Path) -> ReaderNetwork:
    """A network with the body of the BERT model in ``folder`` and heads that know nothing yet."""
    config = BertConfig.from_json_file(str(folder / "config.json"))
    # One pass over the rows repeats nothing that dropout would have to keep from being learnt by heart,
    # and on a CPU it costs a fifth of the time.
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    # The file is read here and not by ``from_pretrained``, which reports on what it leaves aside: the pooler.
    body = BertModel(config, add_pooling_layer=False)
    tensors = load_file(str(folder / "model.safetensors"))
    body.load_state_dict({name: tensors[name].float() for name in body.state_dict()})
    return ReaderNetwork(body)
