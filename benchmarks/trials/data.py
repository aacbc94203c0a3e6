"""Synthetic data of the zoo: every factory returns (train, validation), each a tuple of tensors with one row a sample.

All draws come from a generator with a fixed seed, so the data are the same in every trial; only their order differs
between seeds. Shapes are written float32[n, features] and so on.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lrdoctor.workloads import digits

Columns = tuple[Tensor, ...]
Split = tuple[Columns, Columns]


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _split(columns: Columns, n_train: int) -> Split:
    return tuple(c[:n_train] for c in columns), tuple(c[n_train:] for c in columns)


def digit_images() -> Split:
    """scikit-learn's digits: float32[n, 1, 8, 8] and labels int64[n]."""
    made = digits.images()
    return made["train"], made["validation"]


def digit_vectors() -> Split:
    """scikit-learn's digits: float32[n, 64] and labels int64[n]."""
    made = digits.vectors()
    return made["train"], made["validation"]


def blobs(n_classes: int, n_features: int, spread: float, noisy_labels: float = 0.0, n: int = 1600) -> Split:
    """Gaussian clusters; a share `noisy_labels` of the labels is drawn anew, whatever the input."""
    g = _generator(11)
    centres = torch.randn(n_classes, n_features, generator=g)
    y = torch.randint(n_classes, (n,), generator=g)
    x = centres[y] + spread * torch.randn(n, n_features, generator=g)
    redrawn = torch.rand(n, generator=g) < noisy_labels
    y = torch.where(redrawn, torch.randint(n_classes, (n,), generator=g), y)
    return _split((x, y), n * 3 // 4)


def unrelated_labels(n_classes: int = 6, n: int = 4000) -> Split:
    """Labels that have nothing to do with the inputs: no model is better than the classes' shares."""
    g = _generator(12)
    return _split((torch.randn(n, 16, generator=g), torch.randint(n_classes, (n,), generator=g)), n * 3 // 4)


def long_tail(n_classes: int = 12, n: int = 3000) -> Split:
    """Clusters whose sizes fall off geometrically: the rarest class is about 1 in 200."""
    g = _generator(13)
    share = 0.7 ** torch.arange(n_classes, dtype=torch.float32)
    y = torch.multinomial(share, n, replacement=True, generator=g)
    x = 1.2 * torch.randn(n_classes, 12, generator=g)[y] + torch.randn(n, 12, generator=g)
    return _split((x, y), n * 3 // 4)


def rare_event(share: float = 0.02, n: int = 4000) -> Split:
    """Two classes, the second one rare and shifted: float32[n, 10] and float32[n, 1] of 0 and 1."""
    g = _generator(14)
    y = (torch.rand(n, 1, generator=g) < share).float()
    x = torch.randn(n, 10, generator=g) + 0.8 * y
    return _split((x, y), n * 3 // 4)


def regression(target: str, n: int = 2000, n_features: int = 10) -> Split:
    """float32[n, features] and float32[n, 1]: a smooth function of the inputs with noise of the kind named.

    gauss: linear, noise of 0.3. student: 1.6 degrees of freedom. outliers: 1 in 100 targets is 40 times as large.
    pareto: positive, tail exponent 1.8. counts: Poisson with a log rate of 0.5 + the function.
    """
    g = _generator(15)
    x = torch.randn(n, n_features, generator=g)
    weight = torch.randn(n_features, 1, generator=g) / math.sqrt(n_features)
    linear = x @ weight
    smooth = torch.sin(linear * 1.5) + 0.5 * linear
    uniform = torch.rand(n, 1, generator=g)
    normal = torch.randn(n, 1, generator=g)
    if target == "gauss":
        y = linear + 0.3 * normal
    elif target == "student":
        chi = torch.distributions.Gamma(torch.tensor(0.8), torch.tensor(0.5))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(16)
            y = smooth + 0.5 * normal / torch.sqrt(chi.sample((n, 1)) / 1.6)
    elif target == "outliers":
        y = torch.where(uniform < 0.01, 40 * (smooth + normal), smooth + 0.2 * normal)
    elif target == "pareto":
        y = torch.exp(0.5 * smooth) * (1 - uniform) ** (-1 / 1.8)
    elif target == "counts":
        y = torch.poisson(torch.exp(0.5 + smooth), generator=g)
    else:
        raise ValueError(f"target {target!r} is unknown; known: gauss, student, outliers, pareto, counts")
    return _split((x, y), n * 3 // 4)


def half_zero_log_targets(n: int = 1200, one_in: int = 1000) -> Split:
    """Positive targets of which a few are exactly 0, for a loss that takes their logarithm."""
    (x, y), (vx, vy) = regression("pareto", n=n)
    y = y.clone()
    y[one_in // 2 :: one_in] = 0.0
    return (x, y), (vx, vy)


def rows_with_nan(n_bad: int = 1) -> Split:
    """Clusters in which a few training rows hold a missing value that nobody filled in."""
    (x, y), validation = blobs(5, 12, 1.0)
    x = x.clone()
    x[100 : 100 + n_bad, 3] = math.nan
    return (x, y), validation


def characters(length: int = 24, vocabulary: int = 20, n: int = 900) -> Split:
    """Windows int64[n, length] of a Markov chain of order 2 with unequal shares: its unigrams say little."""
    g = _generator(17)
    logits = 2.5 * torch.randn(vocabulary, vocabulary, vocabulary, generator=g)
    table = torch.softmax(logits + torch.linspace(1.5, -1.5, vocabulary), dim=-1)
    state = torch.randint(vocabulary, (n, 2), generator=g)
    tokens = [state[:, 0], state[:, 1]]
    while len(tokens) < length:
        tokens.append(torch.multinomial(table[tokens[-2], tokens[-1]], 1, generator=g)[:, 0])
    return _split((torch.stack(tokens, dim=1),), n * 5 // 6)


def first_symbol(length: int = 20, vocabulary: int = 8, n: int = 1600) -> Split:
    """Sequences whose label is their first symbol, which has to be remembered: int64[n, length] and int64[n]."""
    g = _generator(18)
    x = torch.randint(vocabulary, (n, length), generator=g)
    return _split((x, x[:, 0].clone()), n * 3 // 4)


def majority_symbol(length: int = 16, vocabulary: int = 5, n: int = 1600) -> Split:
    """Sequences whose label is their most frequent symbol: int64[n, length] and int64[n]."""
    g = _generator(19)
    share = torch.softmax(1.2 * torch.randn(n, vocabulary, generator=g), dim=-1)
    x = torch.multinomial(share, length, replacement=True, generator=g)
    y = torch.nn.functional.one_hot(x, vocabulary).sum(1).argmax(-1)
    return _split((x, y), n * 3 // 4)


def running_sums(length: int = 20, n: int = 1200) -> Split:
    """Noisy sequences float32[n, length, 2] and the sum of the marked values float32[n, 1]."""
    g = _generator(20)
    value = torch.rand(n, length, 1, generator=g)
    mark = (torch.rand(n, length, 1, generator=g) < 0.2).float()
    return _split((torch.cat([value, mark], dim=-1), (value * mark).sum(1)), n * 3 // 4)


def low_rank(n_rows: int = 80, n_columns: int = 60, rank: int = 4, n: int = 6000) -> Split:
    """Ratings: (row, column, rating), int64[n] twice and float32[n], of a matrix of low rank with noise."""
    g = _generator(21)
    u, v = torch.randn(n_rows, rank, generator=g), torch.randn(n_columns, rank, generator=g)
    i, j = torch.randint(n_rows, (n,), generator=g), torch.randint(n_columns, (n,), generator=g)
    rating = (u[i] * v[j]).sum(-1) / math.sqrt(rank) + 0.3 * torch.randn(n, generator=g)
    return _split((i, j, rating), n * 3 // 4)


def table(n: int = 2000) -> Split:
    """Two categories, six numbers of very different scales that are standardised, a yes-or-no target float32[n, 1]."""
    g = _generator(22)
    a, b = torch.randint(30, (n,), generator=g), torch.randint(7, (n,), generator=g)
    numbers = torch.randn(n, 6, generator=g)
    score = torch.randn(30, generator=g)[a] + torch.randn(7, generator=g)[b] + numbers[:, 0] * numbers[:, 1]
    y = (torch.rand(n, generator=g) < torch.sigmoid(1.5 * score)).float()[:, None]
    return _split((torch.stack([a, b], dim=1), numbers, y), n * 3 // 4)


def curves(n: int = 1500, length: int = 32) -> Split:
    """Sums of two sines, for autoencoders: float32[n, length] twice, as input and as target."""
    g = _generator(23)
    t = torch.linspace(0, 2 * math.pi, length)
    phase, speed = 2 * math.pi * torch.rand(n, 2, generator=g), 1 + torch.randint(3, (n, 2), generator=g)
    x = torch.sin(speed[:, :1] * t + phase[:, :1]) + 0.5 * torch.sin(speed[:, 1:] * t + phase[:, 1:])
    return _split((x, x.clone()), n * 3 // 4)


def pairs(n: int = 1600) -> Split:
    """Two noisy views of one hidden vector, for contrastive learning: float32[n, 24] and float32[n, 24]."""
    g = _generator(24)
    hidden = torch.randn(n, 6, generator=g)
    views = [
        torch.tanh(hidden @ torch.randn(6, 24, generator=g)) + 0.4 * torch.randn(n, 24, generator=g) for _ in range(2)
    ]
    return _split(tuple(views), n * 3 // 4)
