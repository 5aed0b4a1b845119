"""The two towers: items from content and identity, shoppers from what they took, how and when, and what they stated."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recommender.ml.dataset import EVENT_KINDS
from recommender.ml.time_gaps import GAP_CODES

IDENTITY_SPREAD = 0.02
"""Standard deviation of ID embeddings at the start. They are only read as directions, so short ones turn faster: on
Amazon Beauty five epochs brought the loss to 7.5, where a spread of 1/√d brought it to 8.6, and ten of the one ranked
better than 32 of the other."""

STATEMENTS_PER_DIRECTION = 4
"""Distinct statements that must be known for each direction in which the own projection of StatedTower reads them."""


class Dropout(nn.Module):
    """nn.Dropout with its mask drawn from uniform floats: on a CPU 3 × faster than Bernoulli draws,
    which are a quarter of a training step otherwise.
    """

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance

    def forward(self, values: Tensor) -> Tensor:
        if not self.training or not self.chance:
            return values
        return values * (torch.rand_like(values) >= self.chance) / (1 - self.chance)


class ItemTower(nn.Module):
    """Projects content and adds an ID embedding, so that a new item works from content alone.

    content: (n_items, D) float32, zero rows where an item has none; D may be 0.
    content_components: at most so many principal components of the content are read. Projecting 512
        dimensions of every item would otherwise be half of a training step.
    id_dropout: chance that an item with content loses its ID embedding for one training step
        (DropoutNet, Volkovs et al. 2017): the projection has to be able to stand alone.
    biased: vectors keep their length and have one dimension more, the item's bias, which a user vector meets with a 1.
        Otherwise they are L2-normalised.
    """

    known: Tensor
    features: Tensor
    centre: Tensor
    basis: Tensor

    def __init__(
        self,
        content: Tensor,
        embedding_size: int,
        *,
        content_components: int,
        id_dropout: float,
        biased: bool = False,
    ) -> None:
        super().__init__()
        self.id_dropout, self.biased = id_dropout, biased
        known = content.abs().sum(dim=1) > 0
        centre, basis = principal_components(content[known], content_components)
        self.register_buffer("centre", centre)
        self.register_buffer("basis", basis)
        self.read(content)
        projection = torch.randn(basis.shape[1], embedding_size) / math.sqrt(embedding_size)
        identity = IDENTITY_SPREAD * torch.randn(len(content), embedding_size)
        bias = (0, 1) if biased else (0, 0)
        self.projection = nn.Parameter(F.pad(projection, bias))
        self.identity = nn.Parameter(F.pad(identity, bias))

    def read(self, content: Tensor) -> None:
        """Takes the content (n_items, D) of the training catalogue in, by the centre and basis that are there."""
        known = (content.abs().sum(dim=1, keepdim=True) > 0).float()
        self.register_buffer("known", known, persistent=False)
        self.register_buffer("features", (content - self.centre) @ self.basis * known, persistent=False)

    def forward(self, items: Tensor | None = None) -> Tensor:
        """(n_items, d) vectors of the training catalogue, or (N, d) of the `items` (N,) int64 alone."""
        identity, known, features = (
            part if items is None else part[items] for part in (self.identity, self.known, self.features)
        )
        if self.training and self.id_dropout:
            kept = torch.rand(len(identity), 1, device=identity.device) >= self.id_dropout
            identity = torch.where(kept | (known == 0), identity, 0.0)
        return self._finish(features @ self.projection + identity)

    def from_content(self, content: Tensor) -> Tensor:
        """(N, D) content of items that have no ID yet → (N, d); zeros where there is no content either."""
        known = (content.abs().sum(dim=1, keepdim=True) > 0).float()
        return self._finish((content - self.centre) @ self.basis @ self.projection * known)

    def direction(self, difference: Tensor) -> Tensor:
        """(N, D) differences of content vectors → (N, d) L2-normalised; zero where there is no difference."""
        return F.normalize(difference @ self.basis @ self.projection, dim=-1)

    def _finish(self, vectors: Tensor) -> Tensor:
        return vectors if self.biased else F.normalize(vectors, dim=-1)


def principal_components(content: Tensor, components: int) -> tuple[Tensor, Tensor]:
    """(D,) centre and (D, min(components, D)) basis, scaled so that a projected row has length 1 on average.

    Content vectors of one encoder lie in a narrow cone: what they all share says nothing about taste.
    """
    dimensions = content.shape[1]
    if not len(content) or not dimensions:
        return content.new_zeros(dimensions), content.new_zeros(dimensions, min(components, dimensions))
    centre = content.mean(dim=0)
    centred = content - centre
    vectors = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)[:, :components]
    largest = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True))
    vectors = vectors * largest.sign()  # an eigenvector's sign is arbitrary; a resumed training needs the same
    return centre, vectors / (centred @ vectors).norm(dim=1).mean().clamp_min(1e-6)


class StatedTower(nn.Module):
    """What a shopper stated, as a vector of d; it begins as zeros, and stays zero for those who stated nothing.

    Two parts are added. One reads words as the item tower reads content, times a learned weight: where both come from
    one encoder, words lie beside the products they describe, and new words are understood. The other is a projection
    of its own, for what words say of a shopper beyond that; with few statements to learn from it reads few directions.

    statements: (U, F) float32, the distinct vectors known in training, none of them zero.
    """

    centre: Tensor
    basis: Tensor

    def __init__(self, statements: Tensor, embedding_size: int, *, components: int) -> None:
        super().__init__()
        centre, basis = principal_components(statements, components)
        # In any other direction a new statement would meet weights that nothing, or next to nothing, has trained.
        basis = basis * (torch.arange(basis.shape[1]) < len(statements) // STATEMENTS_PER_DIRECTION)
        self.register_buffer("centre", centre)
        self.register_buffer("basis", basis)
        self.projection = nn.Parameter(torch.zeros(basis.shape[1], embedding_size))
        self.likeness = nn.Parameter(torch.zeros(1))

    def forward(self, statements: Tensor, item_tower: ItemTower) -> Tensor:
        """(B, F) → (B, d)."""
        stated = (statements.abs().sum(dim=1, keepdim=True) > 0).float()
        said = statements - self.centre
        vectors = said @ self.basis @ self.projection
        if item_tower.basis.shape[0] == said.shape[1]:
            vectors = vectors + self.likeness * item_tower.direction(said)[:, : vectors.shape[1]]
        return vectors * stated


class UserTower(nn.Module):
    """A history of item vectors → one vector per position; causal, positions known by distance only.

    A learned start vector stands before every history: alone it is the shopper we know nothing about, and what they
    stated is added to it. The kind of an event and the gap to the one before it are embeddings added to the item's
    vector; both begin as zeros, and code 0, the unknown, has none.

    biased: for an ItemTower that is, see there.
    """

    def __init__(
        self,
        embedding_size: int,
        *,
        blocks: int,
        heads: int,
        length: int,
        kernel: int,
        convolution_share: float,
        dropout: float,
        attention_dropout: float,
        temperature: float,
        biased: bool = False,
    ) -> None:
        super().__init__()
        self.biased = biased
        self.start = nn.Parameter(torch.randn(embedding_size) / math.sqrt(embedding_size))
        self.kind = nn.Parameter(torch.zeros(len(EVENT_KINDS) - 1, embedding_size))
        self.gap = nn.Parameter(torch.zeros(GAP_CODES - 1, embedding_size))
        self.norm = nn.LayerNorm(embedding_size)
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(
                embedding_size,
                heads=heads,
                length=length + 1,
                kernel=kernel,
                convolution_share=convolution_share,
                dropout=dropout,
                attention_dropout=attention_dropout,
            )
            for _ in range(blocks)
        )
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / temperature)))

    def forward(self, history: Tensor, events: Tensor | None = None, stated: Tensor | None = None) -> Tensor:
        """(B, L, d) item vectors → (B, L + 1, d): position t has seen the start vector and t items.

        events: (B, L, 2) int64 codes of kind and gap (`time_gaps.event_codes`); None: nothing is known.
        stated: (B, d) from StatedTower; None: nothing.
        Vectors carry the temperature: their inner product with an item vector is the logit. Histories
        are padded on the right, which a causal tower cannot see.
        """
        size = self.start.shape[0]
        history = history[..., :size]  # a bias is no part of what the item is like
        if events is not None:
            for place, table in enumerate((self.kind, self.gap)):
                history = history + F.embedding(events[..., place], F.pad(table, (0, 0, 1, 0)))
        start = self.start if stated is None else self.start + stated
        start = F.normalize(start, dim=-1).view(-1, 1, size).expand(history.shape[0], 1, size)
        states = torch.cat([start, history], dim=1) * math.sqrt(size)
        states = self.dropout(self.norm(states))
        for block in self.blocks:
            states = block(states)
        scale = self.log_scale.clamp(max=math.log(100.0)).exp()
        if self.biased:
            return F.pad(states * scale, (0, 1), value=1.0)
        return F.normalize(states, dim=-1) * scale


class Block(nn.Module):
    """Attention and a causal depthwise convolution side by side, then a feed-forward layer; post-norm.

    The convolution sees exact recent order, attention the rest; `convolution_share` mixes them.
    """

    def __init__(
        self,
        embedding_size: int,
        *,
        heads: int,
        length: int,
        kernel: int,
        convolution_share: float,
        dropout: float,
        attention_dropout: float,
    ) -> None:
        super().__init__()
        self.heads, self.head_size = heads, embedding_size // heads
        self.convolution_share = convolution_share
        self.query_key_value = nn.Linear(embedding_size, 3 * embedding_size)
        self.attention_output = nn.Linear(embedding_size, embedding_size)
        self.distance_bias = nn.Parameter(torch.zeros(heads, length))
        self.convolution = nn.Conv1d(embedding_size, embedding_size, kernel, groups=embedding_size)
        self.feed_forward = nn.Sequential(
            nn.Linear(embedding_size, 4 * embedding_size),
            nn.GELU(),
            nn.Linear(4 * embedding_size, embedding_size),
        )
        self.mixed_norm = nn.LayerNorm(embedding_size)
        self.output_norm = nn.LayerNorm(embedding_size)
        self.dropout = Dropout(dropout)
        self.attention_dropout = Dropout(attention_dropout)

    def forward(self, states: Tensor) -> Tensor:
        """(B, T, d) → (B, T, d); position t depends on positions ≤ t."""
        share = self.convolution_share
        mixed = share * self._convolve(states) + (1 - share) * self._attend(states)
        states = self.mixed_norm(states + self.dropout(mixed))
        return self.output_norm(states + self.dropout(self.feed_forward(states)))

    def _convolve(self, states: Tensor) -> Tensor:
        padded = F.pad(states.transpose(1, 2), (self.convolution.kernel_size[0] - 1, 0))
        return self.convolution(padded).transpose(1, 2)

    def _attend(self, states: Tensor) -> Tensor:
        batch, length, _ = states.shape
        position = torch.arange(length, device=states.device)
        distance = position[:, None] - position[None, :]
        bias = self.distance_bias[:, distance.clamp(min=0)].masked_fill(distance < 0, -torch.inf)
        query, key, value = (
            part.view(batch, length, self.heads, self.head_size).transpose(1, 2)
            for part in self.query_key_value(states).split(self.heads * self.head_size, dim=-1)
        )
        logits = query @ key.transpose(-1, -2) / math.sqrt(self.head_size) + bias
        attended = self.attention_dropout(logits.softmax(dim=-1)) @ value
        return self.attention_output(attended.transpose(1, 2).reshape(states.shape))
