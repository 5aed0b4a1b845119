"""Softmax matrix factorisation: what its parameters are, and what a step makes of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from recommender.ml.multinomial_loss import multinomial_loss


class Precisions(NamedTuple):
    """Of the Gaussian priors, one over the variance: how far each part is held to 0."""

    taste: float
    item: float
    content: float
    stated_item: float
    stated_content: float
    bias: float


class SoftmaxMF(nn.Module):
    """P(item i | shopper u) = softmax over i of bias_i + z_u · V_i + f_u · H_i.

    z_u: (K,) taste, never known but by q(z_u) = N(mean_u, spread_u²). f_u: (q,) what the shopper stated, whitened.
    V = content · W + D and H = content · G + A: what an item's content says, and what is its own.
    """

    content: Tensor
    stated: Tensor

    def __init__(self, content: Tensor, stated: Tensor, *, factors: int) -> None:
        """content: (n_items, c) whitened; stated: (n_users, q) whitened, zero rows for who stated nothing."""
        super().__init__()
        self.register_buffer("content", content, persistent=False)
        self.register_buffer("stated", stated, persistent=False)
        (n_items, components), (n_users, said) = content.shape, stated.shape
        self.bias = nn.Parameter(torch.zeros(n_items))
        self.item_taste = nn.Parameter(0.05 * torch.randn(n_items, factors))
        self.content_taste = nn.Parameter(0.1 * torch.randn(components, factors))
        self.item_stated = nn.Parameter(torch.zeros(n_items, said))
        self.content_stated = nn.Parameter(torch.zeros(components, said))
        self.mean = nn.Parameter(0.1 * torch.randn(n_users, factors))
        self.log_spread = nn.Parameter(torch.full((n_users, factors), -1.0))

    def tables(self) -> tuple[Tensor, Tensor]:
        """(n_items, K) and (n_items, q): V and H."""
        return (
            self.content @ self.content_taste + self.item_taste,
            self.content @ self.content_stated + self.item_stated,
        )

    def loss(
        self, users: Tensor, targets: tuple[Tensor, Tensor, Tensor], precisions: Precisions, *, share: float
    ) -> Tensor:
        """Scalar: an estimate of the negative evidence bound of all users, per unit of the batch's weight.

        users: (B,) int64. targets: (places in users, items, weights), places ascending. share: of all
        users, how many these are; so much of the items' priors counts.
        """
        taste, of_stated = self.tables()
        mean, log_spread = self.mean[users], self.log_spread[users]
        drawn = mean + log_spread.exp() * torch.randn_like(mean)
        one = torch.ones(len(users), 1)
        nothing = torch.zeros(0, dtype=torch.int64)
        fit = multinomial_loss(
            torch.cat([drawn, self.stated[users], one], dim=1),
            torch.cat([taste, of_stated, self.bias[:, None]], dim=1),
            targets,
            (nothing, nothing),
        )
        # Kullback-Leibler divergence of N(mean, spread²) from the prior N(0, 1 / taste).
        prior = precisions.taste
        apart = 0.5 * (prior * (mean**2 + (2 * log_spread).exp()) - 1 - math.log(prior)) - log_spread
        held = (
            precisions.item * self.item_taste.square().sum()
            + precisions.content * self.content_taste.square().sum()
            + precisions.stated_item * self.item_stated.square().sum()
            + precisions.stated_content * self.content_stated.square().sum()
            + precisions.bias * self.bias.square().sum()
        )
        return fit + (apart.sum() + 0.5 * share * held) / targets[2].sum().clamp_min(1e-12)
