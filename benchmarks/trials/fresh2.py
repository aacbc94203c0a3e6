"""Models, data and losses of the part `fresh2` of the zoo: kinds of training that the other parts do not have.

Data factories return (train, validation) as those of `data` do, models take what those give.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.trials.data import Split
from benchmarks.trials.nets import Mlp, draw


def _cut(*columns: Tensor) -> Split:
    n_train = len(columns[0]) * 3 // 4
    return tuple(c[:n_train] for c in columns), tuple(c[n_train:] for c in columns)


def crowded_scenes(n: int = 3200) -> Split:
    """One box in 25 holds an object: float32[n, 12] and float32[n, 1] of 0 and 1."""
    g = torch.Generator().manual_seed(201)
    x = torch.randn(n, 12, generator=g)
    score = 2 * torch.sin(x[:, :1]) + x[:, 1:2] * x[:, 2:3] - 4.5
    return _cut(x, (torch.rand(n, 1, generator=g) < torch.sigmoid(score)).float())


def spots(size: int = 12, n: int = 900) -> Split:
    """Noisy pictures float32[n, 1, size, size] of one to three discs, and which pixels lie in one, of 0 and 1."""
    g = torch.Generator().manual_seed(202)
    axis = torch.arange(size, dtype=torch.float32)
    mask = torch.zeros(n, size, size)
    for _ in range(3):
        centre = size * torch.rand(n, 2, 1, 1, generator=g)
        radius = (1.0 + 1.5 * torch.rand(n, 1, 1, generator=g)) * (torch.rand(n, 1, 1, generator=g) < 0.6)
        inside = (axis[:, None] - centre[:, 0]).square() + (axis - centre[:, 1]).square() < radius.square()
        mask = torch.maximum(mask, inside.float())
    picture = mask + 0.7 * torch.randn(n, size, size, generator=g)
    return _cut(picture[:, None], mask[:, None])


def discounted_returns(n: int = 3000) -> Split:
    """States float32[n, 8] and returns float32[n, 1]: small ones as a rule, one state in 30 leads to a jackpot."""
    g = torch.Generator().manual_seed(203)
    x = torch.randn(n, 8, generator=g)
    value = torch.tanh(x[:, :1]) + 0.5 * x[:, 1:2]
    jackpot = (torch.rand(n, 1, generator=g) < 0.03).float() * (12 + 8 * torch.rand(n, 1, generator=g))
    return _cut(x, value + jackpot + 0.3 * torch.randn(n, 1, generator=g))


def grades_and_sizes(n: int = 2000) -> Split:
    """Inputs float32[n, 12], a class of five int64[n] and a number float32[n, 1] that depend on the same features."""
    g = torch.Generator().manual_seed(204)
    x = torch.randn(n, 12, generator=g)
    hidden = torch.tanh(x @ torch.randn(12, 4, generator=g) / 2)
    grade = (hidden @ torch.randn(4, 5, generator=g) + 0.3 * torch.randn(n, 5, generator=g)).argmax(-1)
    size = 5 * hidden @ torch.randn(4, 1, generator=g) + 0.5 * torch.randn(n, 1, generator=g)
    return _cut(x, grade, size)


def spoken_digits(length: int = 18, n_symbols: int = 5, n: int = 900) -> Split:
    """Frames float32[n, length, 6] in which three symbols are spoken one after another, and int64[n, 3], from 1 on."""
    g = torch.Generator().manual_seed(205)
    said = torch.randint(1, n_symbols + 1, (n, 3), generator=g)
    sounds = 1.5 * torch.randn(n_symbols + 1, 6, generator=g)
    sounds[0] = 0
    # each symbol takes a third of the frames, with a silence at its end
    frame = torch.arange(length)
    symbol = said[:, frame * 3 // length]
    symbol = torch.where((frame * 3 % length) >= length * 2 // 3, torch.zeros_like(symbol), symbol)
    return _cut(sounds[symbol] + 0.4 * torch.randn(n, length, 6, generator=g), said)


def neighbours(vocabulary: int = 300, n: int = 6000, n_wrong: int = 5) -> Split:
    """Words and their neighbours, most of them rare, and wrong neighbours: int64[n], int64[n], int64[n, wrong]."""
    g = torch.Generator().manual_seed(206)
    share = 1 / (2.0 + torch.arange(vocabulary, dtype=torch.float32))
    word = torch.multinomial(share, n, replacement=True, generator=g)
    topic = torch.randint(12, (vocabulary,), generator=g)
    likely = share * torch.where(topic[None] == torch.arange(12)[:, None], 30.0, 1.0)
    neighbour = torch.multinomial(likely[topic[word]], 1, generator=g)[:, 0]
    wrong = torch.multinomial(share.expand(n, -1), n_wrong, replacement=True, generator=g)
    return _cut(word, neighbour, wrong)


def clips(n: int = 1400) -> Split:
    """Anchors, others of the same class, and ones of another class: float32[n, 16] three times."""
    g = torch.Generator().manual_seed(207)
    centres = torch.randn(10, 16, generator=g)
    kind = torch.randint(10, (n,), generator=g)
    other = (kind + torch.randint(1, 10, (n,), generator=g)) % 10
    rows = [centres[k] + 0.9 * torch.randn(n, 16, generator=g) for k in (kind, kind, other)]
    return _cut(*rows)


def demand(length: int = 12, n: int = 1800) -> Split:
    """A week and a half of daily sales float32[n, length], and those of the next day float32[n, 1], with rushes."""
    g = torch.Generator().manual_seed(208)
    day = torch.arange(length + 1) + torch.randint(7, (n, 1), generator=g)
    level = torch.exp(0.5 * torch.randn(n, 1, generator=g))
    sales = level * (2 + torch.sin(2 * math.pi * day / 7)) * torch.exp(0.2 * torch.randn(n, length + 1, generator=g))
    rush = (torch.rand(n, length + 1, generator=g) < 0.04).float() * 8 * level
    return _cut((sales + rush)[:, :length], (sales + rush)[:, length:])


def patterns(n: int = 1200, n_features: int = 24) -> Split:
    """Rows of 0 and 1 float32[n, features] that six prototypes and some flipped bits make."""
    g = torch.Generator().manual_seed(209)
    prototypes = (torch.rand(6, n_features, generator=g) < 0.5).float()
    row = prototypes[torch.randint(6, (n,), generator=g)]
    flipped = (torch.rand(n, n_features, generator=g) < 0.05).float()
    return _cut((row - flipped).abs())


def spirals(n: int = 1600) -> Split:
    """Three arms of a spiral with noise: float32[n, 2] and int64[n]."""
    g = torch.Generator().manual_seed(210)
    y = torch.randint(3, (n,), generator=g)
    radius = torch.rand(n, generator=g)
    angle = 2 * math.pi * y / 3 + 4 * radius + 0.15 * torch.randn(n, generator=g)
    return _cut(2 * torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1), y)


def keys_and_values(length: int = 6, n: int = 2000) -> Split:
    """Which of `length` places holds what the last one asks for: float32[n, length + 1, 8] and float32[n, 4]."""
    g = torch.Generator().manual_seed(212)
    keys, values = torch.randn(n, length, 4, generator=g), torch.randn(n, length, 4, generator=g)
    at = torch.randint(length, (n,), generator=g)
    asked, wanted = keys[torch.arange(n), at], values[torch.arange(n), at]
    query = torch.cat([asked + 0.1 * torch.randn(n, 4, generator=g), torch.zeros(n, 4)], dim=1)
    return _cut(torch.cat([torch.cat([keys, values], dim=2), query[:, None]], dim=1), wanted)


def waves(n: int = 400) -> Split:
    """A wiggly function of one number: float32[n, 1] and float32[n, 1], nearly without noise."""
    g = torch.Generator().manual_seed(213)
    x = 2 * torch.rand(n, 1, generator=g) - 1
    return _cut(x, torch.sin(6 * x) + 0.5 * torch.cos(11 * x) + 0.02 * torch.randn(n, 1, generator=g))


class Segmenter(nn.Sequential):
    """Four 3 x 3 convolutions with GroupNorm, one logit a pixel."""

    def __init__(self, width: int) -> None:
        layers: list[nn.Module] = []
        for i in range(3):
            layers += [nn.Conv2d(width if i else 1, width, 3, padding=1), nn.GroupNorm(2, width), nn.ReLU()]
        super().__init__(*layers, nn.Conv2d(width, 1, 3, padding=1))


class TwoHeads(nn.Module):
    """A body with a head of class scores and one of a number, and the log variances that weigh their losses."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(12, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.grade, self.size = nn.Linear(width, 5), nn.Linear(width, 1)
        self.log_variances = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        return self.grade(h), self.size(h)


class Listener(nn.Module):
    """A bidirectional GRU's log probabilities of every frame: float32[length, batch, symbols + 1]."""

    def __init__(self, width: int, n_symbols: int) -> None:
        super().__init__()
        self.cell = nn.GRU(6, width, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * width, n_symbols + 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0]).log_softmax(-1).transpose(0, 1)  # type: ignore[no-any-return]


class WordPairs(nn.Module):
    """Vectors of words and of neighbours: the scores of a right one and of wrong ones."""

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.word, self.other = nn.Embedding(vocabulary, width), nn.Embedding(vocabulary, width)
        for part in (self.word, self.other):
            nn.init.normal_(part.weight, std=0.3)

    def forward(self, word: Tensor, right: Tensor, wrong: Tensor) -> tuple[Tensor, Tensor]:
        v = self.word(word)
        return (v * self.other(right)).sum(-1), (v[:, None] * self.other(wrong)).sum(-1)


class Embedder(Mlp):
    """Vectors of length 1."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.normalize(super().forward(x), dim=-1)  # type: ignore[no-untyped-call]


class BitVae(nn.Module):
    """A variational autoencoder of bits: (logits, mean, log variance)."""

    def __init__(self, n_features: int, width: int, n_hidden: int) -> None:
        super().__init__()
        self.encoder, self.decoder = Mlp([n_features, width, 2 * n_hidden]), Mlp([n_hidden, width, n_features])
        self.n_seen: Tensor
        self.register_buffer("n_seen", torch.zeros(()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        if self.training:
            self.n_seen += 1
            mean_or_drawn = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        else:
            mean_or_drawn = mean
        return self.decoder(mean_or_drawn), mean, log_variance


class RectifiedWords(nn.Module):
    """Rectified sums of the words' vectors, then a linear layer: int64[batch, length] -> float32[batch, topics].

    A unit whose sums are below 0 for every text learns no more.
    """

    def __init__(self, vocabulary: int, width: int, n_topics: int) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(vocabulary, width, mode="sum")
        nn.init.normal_(self.words.weight, std=0.1)
        self.head = nn.Linear(width, n_topics)

    def forward(self, words: Tensor) -> Tensor:
        return self.head(functional.relu(self.words(words)))  # type: ignore[no-any-return]


class SoftLookup(nn.Module):
    """One head of attention with sharp scores, which looks up what the last place asks for."""

    def __init__(self, width: int, sharpness: float) -> None:
        super().__init__()
        self.q, self.k, self.v = nn.Linear(8, width), nn.Linear(8, width), nn.Linear(8, 4)
        self.sharpness = sharpness

    def forward(self, x: Tensor) -> Tensor:
        scores = self.q(x[:, -1:]) @ self.k(x[:, :-1]).transpose(1, 2)
        return ((self.sharpness * scores).softmax(-1) @ self.v(x[:, :-1]))[:, 0]  # type: ignore[no-any-return]


class DyingMlp(Mlp):
    """A narrow and deep ReLU network whose biases begin below 0, so that units die when they are thrown about."""

    def __init__(self, sizes: list[int], bias: float) -> None:
        super().__init__(sizes)
        draw(self, math.sqrt(2))
        layers = [m for m in self if isinstance(m, nn.Linear)]
        for layer in layers[:-1]:
            nn.init.constant_(layer.bias, bias)


def focal(output: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy times (1 - probability of what is right)^2, of which the rare class weighs three quarters."""
    plain = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
    weight = 0.25 + 0.5 * target
    return (weight * (1 - torch.exp(-plain)).square() * plain).mean()


def overlap(output: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of the pixels and one minus twice the overlap over the sum of both areas (Dice)."""
    p = torch.sigmoid(output)
    dice = 1 - (2 * (p * target).sum((1, 2, 3)) + 1) / (p.sum((1, 2, 3)) + target.sum((1, 2, 3)) + 1)
    return functional.binary_cross_entropy_with_logits(output, target) + dice.mean()


def pinball(output: Tensor, target: Tensor) -> Tensor:
    """Loss of the 10th, 50th and 95th percentile."""
    level = torch.tensor([0.1, 0.5, 0.95])
    miss = target - output
    return torch.maximum(level * miss, (level - 1) * miss).mean()


def brier(output: Tensor, target: Tensor) -> Tensor:
    """Squared error of the softmax, whose gradient is lost where it is sure of what is wrong."""
    right = functional.one_hot(target, output.shape[-1]).float()
    return (output.softmax(-1) - right).square().sum(-1).mean()


def mixed_up(model: nn.Module, batch: tuple[Tensor, Tensor], loss_fn: Any) -> Tensor:
    """Pairs of examples blended at random (mixup), with labels that are smoothed by a tenth."""
    x, y = batch
    if not model.training:
        return functional.cross_entropy(model(x), y)
    share = float(torch.distributions.Beta(0.4, 0.4).sample())
    other = torch.randperm(len(x))
    made = model(share * x + (1 - share) * x[other])
    losses = [functional.cross_entropy(made, t, label_smoothing=0.1) for t in (y, y[other])]
    return share * losses[0] + (1 - share) * losses[1]


def weighed_tasks(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor], loss_fn: Any) -> Tensor:
    """Both tasks, each over its learned variance, and what the variances cost."""
    x, grade, size = batch
    scores, number = model(x)
    losses = torch.stack([functional.cross_entropy(scores, grade), functional.mse_loss(number, size)])
    log_variances = model.get_parameter("log_variances")
    return (losses * torch.exp(-log_variances) + 0.5 * log_variances).sum()


def transcribed(model: nn.Module, batch: tuple[Tensor, Tensor], loss_fn: Any) -> Tensor:
    """Connectionist temporal classification of three symbols."""
    frames, said = batch
    made = model(frames)
    lengths = torch.full((len(frames),), made.shape[0]), torch.full((len(frames),), said.shape[1])
    return functional.ctc_loss(made, said, *lengths)


def told_apart(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor], loss_fn: Any) -> Tensor:
    """Negative sampling: right neighbours from wrong ones."""
    right, wrong = model(*batch)
    return -(functional.logsigmoid(right) + functional.logsigmoid(-wrong).sum(-1)).mean()


def triplets(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor], loss_fn: Any) -> Tensor:
    """How much nearer the anchor the other class is than its own, and a margin of 0.5."""
    anchor, own, other = (model(part) for part in batch)
    return functional.triplet_margin_loss(anchor, own, other, margin=0.5)


def gradual_bound(model: nn.Module, batch: tuple[Tensor], loss_fn: Any) -> Tensor:
    """A VAE's bound whose divergence comes in over 150 steps, up to its whole weight."""
    (x,) = batch
    made, mean, log_variance = model(x)
    weight = (model.get_buffer("n_seen") / 150).clamp(max=1) if model.training else 1.0
    return _bits(made, x) + weight * _divergence(mean, log_variance)


def heavy_bound(model: nn.Module, batch: tuple[Tensor], loss_fn: Any) -> Tensor:
    """A bound that a code is hardly worth: the divergence weighs twice."""
    (x,) = batch
    made, mean, log_variance = model(x)
    return _bits(made, x) + 2 * _divergence(mean, log_variance)


def _bits(made: Tensor, x: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(made, x, reduction="none").sum(-1).mean()


def _divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1).mean()


def growing_penalty(model: nn.Module, batch: tuple[Tensor, Tensor], loss_fn: Any) -> Tensor:
    """A penalty on what is said with confidence, which grows from the 120th batch on: the objective rises by design."""
    x, y = batch
    made = model(x)
    if not model.training:
        return functional.cross_entropy(made, y)
    n_seen = getattr(model, "n_seen", 0)
    model.n_seen = n_seen + 1  # type: ignore[assignment]
    weight = 0.02 * max(0, n_seen - 120)
    confidence: Tensor = (made - made.mean(-1, keepdim=True) - 1).square().mean()
    return functional.cross_entropy(made, y) + weight * confidence
