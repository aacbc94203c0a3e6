"""Models, data and losses of the part `fresh` of the zoo, which is written and labelled before anything judges it.

Data factories return (train, validation) as those of `data` do, models take what those give.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.trials.data import Split, blobs, digit_images
from benchmarks.trials.nets import Mlp, draw


def gamma_targets(shape: float = 0.4, n: int = 2000) -> Split:
    """float32[n, 8] and float32[n, 1]: positive targets of a gamma distribution whose log mean depends on the input."""
    g = torch.Generator().manual_seed(101)
    x = torch.randn(n, 8, generator=g)
    mean = torch.exp(torch.sin(x @ torch.randn(8, 1, generator=g)) + 0.4 * x[:, :1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(102)
        y = torch.distributions.Gamma(torch.tensor(shape), torch.tensor(shape)).sample((n, 1)) * mean
    return _cut(x, y)


def rare_labels(n_labels: int = 12, n: int = 2400) -> Split:
    """Several labels a sample, from common to 1 in 100: float32[n, 16] and float32[n, labels] of 0 and 1."""
    g = torch.Generator().manual_seed(103)
    x = torch.randn(n, 16, generator=g)
    score = x @ torch.randn(16, n_labels, generator=g) / 2 + torch.linspace(0.0, -6.0, n_labels)
    return _cut(x, (torch.rand(n, n_labels, generator=g) < torch.sigmoid(score)).float())


def cauchy_targets(n: int = 2000) -> Split:
    """float32[n, 8] and float32[n, 1]: a smooth function with Cauchy noise, which has no mean."""
    g = torch.Generator().manual_seed(104)
    x = torch.randn(n, 8, generator=g)
    smooth = torch.sin(x[:, :1]) * x[:, 1:2] + x[:, 2:3]
    return _cut(x, smooth + 0.3 * torch.randn(n, 1, generator=g) / torch.randn(n, 1, generator=g))


def blurred_digits() -> Split:
    """Digits with noise, to be cleaned: float32[n, 1, 8, 8] twice."""
    g = torch.Generator().manual_seed(105)
    train, validation = digit_images()
    noisy = [part[0] + 0.5 * part[0].std() * torch.randn(part[0].shape, generator=g) for part in (train, validation)]
    return (noisy[0], train[0]), (noisy[1], validation[0])


def bags_of_words(vocabulary: int = 400, length: int = 20, n_topics: int = 6, n: int = 2400) -> Split:
    """Words int64[n, length], most of them rare, of a text whose topic int64[n] is asked for."""
    g = torch.Generator().manual_seed(106)
    common = -torch.log1p(torch.arange(vocabulary, dtype=torch.float32))
    topic = torch.randint(n_topics, (n,), generator=g)
    share = torch.softmax(common + torch.randn(n_topics, vocabulary, generator=g), dim=-1)[topic]
    return _cut(torch.multinomial(share, length, replacement=True, generator=g), topic)


def scaled_away(scale: float = 1e-9) -> Split:
    """Clusters whose inputs were divided by far too much: nothing but the classes' shares can be learnt."""
    (x, y), (vx, vy) = blobs(6, 12, 0.8)
    return (x * scale, y), (vx * scale, vy)


def _cut(x: Tensor, y: Tensor) -> Split:
    n_train = len(x) * 3 // 4
    return (x[:n_train], y[:n_train]), (x[n_train:], y[n_train:])


class SymbolGru(nn.Module):
    """A GRU's scores of the next symbol after each one: int64[batch, length] -> float32[batch, length, vocabulary]."""

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, 16)
        self.cell = nn.GRU(16, width, batch_first=True)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.cell(self.embed(tokens))[0])  # type: ignore[no-any-return]


class Hourglass(nn.Module):
    """Convolutions down to half the size and up again, with a skip across, on float32[batch, 1, 8, 8]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.outer = nn.Conv2d(1, width, 3, padding=1)
        self.down = nn.Conv2d(width, 2 * width, 3, padding=1, stride=2)
        self.inner = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.last = nn.Conv2d(2 * width, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        outer = functional.relu(self.outer(x))
        inner = functional.relu(self.inner(functional.relu(self.down(outer))))
        return self.last(torch.cat([outer, functional.relu(self.up(inner))], dim=1))  # type: ignore[no-any-return]


class Mixer(nn.Module):
    """Layers that mix the 16 patches of a digit and then their features, each normalized beforehand."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.stem = nn.Linear(4, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 * depth + 1))
        self.patches = nn.ModuleList(Mlp([16, 32, 16], "gelu") for _ in range(depth))
        self.features = nn.ModuleList(Mlp([width, 2 * width, width], "gelu") for _ in range(depth))
        self.head = nn.Linear(width, 10)

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem(functional.unfold(image, 2, stride=2).transpose(1, 2))
        for i, (patches, features) in enumerate(zip(self.patches, self.features, strict=True)):
            x = x + patches(self.norms[2 * i](x).transpose(1, 2)).transpose(1, 2)
            x = x + features(self.norms[2 * i + 1](x))
        return self.head(self.norms[-1](x).mean(1))  # type: ignore[no-any-return]


class WordBag(nn.Module):
    """The mean of the words' vectors, then a hidden layer: int64[batch, length] -> float32[batch, topics]."""

    def __init__(self, vocabulary: int, width: int, n_topics: int) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(vocabulary, width)
        self.body = Mlp([width, 32, n_topics])

    def forward(self, words: Tensor) -> Tensor:
        return self.body(self.words(words))  # type: ignore[no-any-return]


class TanhConv(nn.Sequential):
    """Plain 3 x 3 convolutions with tanh on digits, and a linear layer on all that comes out."""

    def __init__(self, depth: int, width: int, gain: float) -> None:
        layers: list[nn.Module] = []
        for i in range(depth):
            layers += [nn.Conv2d(1 if i == 0 else width, width, 3, padding=1, stride=2 if i == 1 else 1), nn.Tanh()]
        super().__init__(*layers, nn.Flatten(), nn.Linear(16 * width, 10))
        draw(self, gain)


def gamma(output: Tensor, target: Tensor) -> Tensor:
    """Negative log-likelihood of a gamma distribution of fixed shape, of a log mean, without its constants."""
    return (output + target * torch.exp(-output)).mean()


def renamed_classes(model: nn.Module, batch: tuple[Tensor, Tensor], loss_fn: Any) -> Tensor:
    """From the 150th batch on the classes have other numbers, as where a second source of data begins."""
    x, y = batch
    if not model.training:
        return loss_fn(model(x), y)  # type: ignore[no-any-return]
    n_seen = getattr(model, "n_seen", 0)
    model.n_seen = n_seen + 1  # type: ignore[assignment]
    return loss_fn(model(x), (y + 1) % 10 if n_seen >= 150 else y)  # type: ignore[no-any-return]
