"""The text transformer's parts: SoLU as in its paper, and a text without words."""

from __future__ import annotations

import torch
from torch import nn

from explainers.predictors.initialise import initialise
from explainers.predictors.nets.transformer import SoLU, TextTransformer, in_heads


def test_solu_keeps_the_unit_that_is_far_above_the_others() -> None:
    """Elhage et al. 2022, section 3: SoLU of (4, 1, 4, 1) is about (2, 0, 2, 0), of (4, 4, 4, 4) it is (1, 1, 1, 1)."""
    found = SoLU()(torch.tensor([[4.0, 1.0, 4.0, 1.0], [4.0] * 4, [5.0, -1.0, 0.0, 0.0]]))

    torch.testing.assert_close(found[0], torch.tensor([1.905, 0.0237, 1.905, 0.0237]), rtol=1e-3, atol=0)
    assert found[1].tolist() == [1.0] * 4
    torch.testing.assert_close(found[2], torch.tensor([4.922, -0.00244, 0.0, 0.0]), rtol=2e-3, atol=1e-6)


def test_self_attention_is_torchs_own() -> None:
    """Held against `nn.MultiheadAttention` with the same weights, which can give its weights a head."""
    net = initialise(TextTransformer(9, 2, 8), 3).eval()
    own = net.layers[0].attention
    other = nn.MultiheadAttention(8, 4, batch_first=True)
    with torch.no_grad():
        parts = (own.query, own.key, own.value)
        other.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        other.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        other.out_proj.load_state_dict(own.mix.state_dict())
        states = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(1))
        present = torch.tensor([[True] * 5, [True, True, True, False, False]])

        mixed, weights = own(states, present)
        theirs = other(states, states, states, key_padding_mask=~present, average_attn_weights=False)

    torch.testing.assert_close(mixed, theirs[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(weights, theirs[1], rtol=0, atol=1e-6)


def test_a_text_without_a_word_is_the_same_however_long_its_padding_is() -> None:
    net = initialise(TextTransformer(9, 2, 8), 3).eval()

    with torch.no_grad():
        one, many = (net(torch.zeros(1, length, dtype=torch.long)) for length in (1, 16))

    torch.testing.assert_close(one, many, rtol=0, atol=0)


def test_heads_split_the_width() -> None:
    assert in_heads(torch.arange(8.0).reshape(1, 1, 8))[0, :, 0].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
