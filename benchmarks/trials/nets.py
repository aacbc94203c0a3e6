"""Models of the zoo."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.trials import data

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


class Mlp(nn.Sequential):
    """Fully connected layers.

    Args:
        sizes: features of the input, of each hidden layer and of the output.
        activation: a key of ACTIVATIONS.
        norm: whether a LayerNorm follows each hidden layer.
        dropout: after each activation.
        gain: standard deviation of the weights times the square root of their fan-in; None keeps torch's own.
    """

    def __init__(
        self,
        sizes: list[int],
        activation: str = "relu",
        norm: bool = False,
        dropout: float = 0.0,
        gain: float | None = None,
    ) -> None:
        layers: list[nn.Module] = []
        for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
            layers.append(nn.Linear(n_in, n_out))
            if i < len(sizes) - 2:
                layers += [nn.LayerNorm(n_out)] if norm else []
                layers.append(ACTIVATIONS[activation]())
                layers += [nn.Dropout(dropout)] if dropout else []
        super().__init__(*layers)
        if gain is not None:
            draw(self, gain)


def draw(model: nn.Module, gain: float) -> None:
    """Draws the weights of linear and convolutional layers anew, of deviation gain / sqrt(fan-in), biases 0."""
    for layer in model.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            fan_in = layer.weight[0].numel()
            nn.init.normal_(layer.weight, std=gain / math.sqrt(fan_in))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class ReluRegressor(Mlp):
    """A network whose *output* is rectified, for targets that are never negative: its unit can die."""

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return functional.relu(made + 2)  # alive at the start


class ConvNet(nn.Module):
    """Plain 3 x 3 convolutions on 8 x 8 images, pooled once.

    Args:
        depth, width: convolutions and their channels.
        norm: whether a BatchNorm follows each.
        gain: as in `Mlp`.
    """

    def __init__(self, depth: int, width: int, norm: bool, gain: float | None = None, n_classes: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(depth):
            layers.append(nn.Conv2d(1 if i == 0 else width, width, 3, padding=1, stride=2 if i == 1 else 1))
            layers += [nn.BatchNorm2d(width)] if norm else []
            layers.append(nn.ReLU())
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(width * 16, n_classes)
        if gain is not None:
            draw(self.body, gain)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).flatten(1))  # type: ignore[no-any-return]


class ResidualNet(nn.Module):
    """x + W2 relu(W1 x), repeated, without any normalization."""

    def __init__(self, n_features: int, width: int, n_blocks: int, n_classes: int) -> None:
        super().__init__()
        self.stem = nn.Linear(n_features, width)
        self.blocks = nn.ModuleList(Mlp([width, width, width], gain=math.sqrt(2)) for _ in range(n_blocks))
        self.head = nn.Linear(width, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)  # type: ignore[no-any-return]


class Layer(nn.Module):
    """Attention of two heads, then a feed-forward part, each a branch beside a skip.

    Args:
        width: features.
        pre: whether what enters a branch is normalized (pre-norm) or what leaves the sum (post-norm).
        causal: whether positions see only those before them.
    """

    def __init__(self, width: int, pre: bool, causal: bool) -> None:
        super().__init__()
        self.pre, self.causal = pre, causal
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = Mlp([width, 2 * width, width])
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        if self.pre:
            x = x + self.attend(self.norm_1(x))
            return x + self.feed(self.norm_2(x))  # type: ignore[no-any-return]
        x = self.norm_1(x + self.attend(x))
        return self.norm_2(x + self.feed(x))  # type: ignore[no-any-return]

    def attend(self, x: Tensor) -> Tensor:
        """float32[batch, length, width] to the same shape."""
        n, length, width = x.shape
        q, k, v = self.project(x).view(n, length, 3, 2, width // 2).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.merge(mixed.transpose(1, 2).reshape(n, length, width))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """Layers of attention and feed-forward parts on symbols.

    Args:
        vocabulary, length: of the symbols and the sequences.
        width, depth: features and layers.
        norm: "pre" or "post", see `Layer`.
        n_out: None predicts the next symbol at every position (causal); a number predicts one class a sequence.
    """

    def __init__(
        self, vocabulary: int, length: int, width: int, depth: int, norm: str, n_out: int | None = None
    ) -> None:
        super().__init__()
        self.symbols = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(0.1 * torch.randn(length, width))
        self.causal = n_out is None
        self.layers = nn.Sequential(*(Layer(width, norm == "pre", self.causal) for _ in range(depth)))
        self.last = nn.LayerNorm(width) if norm == "pre" else nn.Identity()
        self.head = nn.Linear(width, n_out or vocabulary)

    def forward(self, x: Tensor) -> Tensor:
        h = self.last(self.layers(self.symbols(x) + self.positions[: x.shape[1]]))
        return self.head(h if self.causal else h.mean(1))  # type: ignore[no-any-return]


class Recurrent(nn.Module):
    """An RNN of the kind named; the state after the last step goes through a linear layer.

    Args:
        cell: lstm, gru or rnn (tanh).
        vocabulary: symbols are embedded; None takes float sequences of `n_features`.
        gain: multiplies the recurrent weights.
    """

    def __init__(
        self, cell: str, width: int, n_out: int, vocabulary: int | None = None, n_features: int = 8, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.embed = nn.Identity() if vocabulary is None else nn.Embedding(vocabulary, n_features)
        kinds: dict[str, type[nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
        self.cell = kinds[cell](n_features, width, batch_first=True)  # type: ignore[call-arg, arg-type]
        with torch.no_grad():
            self.cell.get_parameter("weight_hh_l0").mul_(gain)
        self.head = nn.Linear(width, n_out)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.cell(self.embed(x))
        return self.head(states[:, -1])  # type: ignore[no-any-return]


class Vae(nn.Module):
    """A variational autoencoder: (reconstruction, mean, log variance) of a batch."""

    def __init__(self, n_features: int, width: int, n_hidden: int) -> None:
        super().__init__()
        self.encoder = Mlp([n_features, width, 2 * n_hidden])
        self.decoder = Mlp([n_hidden, width, n_features])
        self.n_seen: Tensor
        self.register_buffer("n_seen", torch.zeros(()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        drawn = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance) if self.training else mean
        if self.training:
            self.n_seen += 1
        return self.decoder(drawn), mean, log_variance


class Twin(nn.Module):
    """Two encoders whose outputs are compared on the unit sphere."""

    def __init__(self, n_features: int, width: int, n_out: int, activation: str = "relu") -> None:
        super().__init__()
        self.left = Mlp([n_features, width, n_out], activation)
        self.right = Mlp([n_features, width, n_out], activation)

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return functional.normalize(self.left(a), dim=-1), functional.normalize(self.right(b), dim=-1)


class Factors(nn.Module):
    """Row and column vectors whose inner product predicts a rating."""

    def __init__(self, n_rows: int, n_columns: int, rank: int) -> None:
        super().__init__()
        self.rows, self.columns = nn.Embedding(n_rows, rank), nn.Embedding(n_columns, rank)
        for part in (self.rows, self.columns):
            nn.init.normal_(part.weight, std=0.3)

    def forward(self, i: Tensor, j: Tensor) -> Tensor:
        return (self.rows(i) * self.columns(j)).sum(-1)  # type: ignore[no-any-return]


class Tabular(nn.Module):
    """Embedded categories beside numbers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a, self.b = nn.Embedding(30, 6), nn.Embedding(7, 3)
        self.body = Mlp([15, width, width, 1])

    def forward(self, categories: Tensor, numbers: Tensor) -> Tensor:
        parts = [self.a(categories[:, 0]), self.b(categories[:, 1]), numbers]
        return self.body(torch.cat(parts, dim=-1))  # type: ignore[no-any-return]


class Detached(nn.Module):
    """Class scores that were cut off from the graph by mistake; a shift common to all of them is all that learns."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.body = Mlp(sizes)
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        # the shift moves all classes alike: the softmax does not see it
        return self.body(x).detach() + self.shift  # type: ignore[no-any-return]


def trained_before(sizes: list[int], source: str, n_steps: int = 80) -> nn.Module:
    """An Mlp that was trained on a part of its data before: fine-tuning starts at a low loss.

    Args:
        sizes: as in `Mlp`.
        source: "digits" (the first 300 images) or "gauss" (linear data with little noise).
        n_steps: of full-batch AdamW at 3e-3.
    """
    (x, y), _ = data.digit_vectors() if source == "digits" else data.regression("gauss")
    loss_of = functional.cross_entropy if source == "digits" else functional.mse_loss
    model = Mlp(sizes, "gelu")
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(n_steps):
        optimizer.zero_grad()
        loss_of(model(x[:300]), y[:300]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model


_made: list[nn.Module] = []


def made_once(sizes: list[int]) -> nn.Module:
    """The same object at every call: what one trial has learnt, the next one of the process starts from."""
    if not _made:
        _made.append(Mlp(sizes))
    return _made[0]


def unseeded(sizes: list[int]) -> nn.Module:
    """Weights drawn from the operating system's entropy: no two trials of a seed begin alike."""
    model = Mlp(sizes)
    generator = torch.Generator()
    generator.seed()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=generator))
    return model
