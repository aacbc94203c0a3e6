"""What recording a script costs: the same training with the recorder and without, in two processes that take turns.

One thread, CPU time of the process, rounds alternated, median ratio. A bare loop, without clipping and without reading
its own loss: the worst case, since the recorder has to measure the gradient norm itself.
Run: python -m benchmarks.recording
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import torch

LIMITS = {"small GPT": 1.05, "tiny MLP": 1.25}
"""Training -> highest ratio that is accepted."""
STEPS = {"small GPT": 12, "tiny MLP": 1500}
"""Updates of a round, about a third of a second."""


def training(name: str) -> Callable[[int], None]:
    """A function that makes so many updates."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    if name == "tiny MLP":
        model: nn.Module = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
        x, y = torch.randn(32, 16), torch.randint(4, (32,))
    else:
        model = small_gpt(width=64, depth=4, context=64, vocabulary=65)
        x = torch.randint(65, (12, 64))
        y = torch.randint(65, (12 * 64,))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def train(n: int) -> None:
        for _ in range(n):
            loss = nn.functional.cross_entropy(model(x).reshape(-1, 4 if name == "tiny MLP" else 65), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return train


def small_gpt(width: int, depth: int, context: int, vocabulary: int) -> torch.nn.Module:
    """A decoder of pre-norm blocks: int64[batch, context] -> float32[batch, context, vocabulary]."""
    import torch
    from torch import nn

    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
            block = nn.TransformerEncoderLayer(width, 4, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
            self.blocks = nn.TransformerEncoder(block, depth, enable_nested_tensor=False)
            self.head = nn.Linear(width, vocabulary, bias=False)
            self.mask = nn.Transformer.generate_square_subsequent_mask(context)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1]))
            logits: torch.Tensor = self.head(self.blocks(x, mask=self.mask, is_causal=True))
            return logits

    return Decoder()


def work(name: str) -> None:
    """The process that trains: for each line on standard input it makes so many updates and prints its CPU seconds."""
    import torch

    torch.set_num_threads(1)
    train = training(name)
    for line in sys.stdin:
        start = time.process_time()
        train(int(line))
        print(time.process_time() - start, flush=True)


class Worker:
    """Such a process."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "benchmarks.recording", "--worker", name]
        self._process = subprocess.Popen(
            command,
            env={**environment, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, n: int) -> float:
        """CPU seconds of so many updates."""
        stdin, stdout = self._pipes()
        stdin.write(f"{n}\n")
        stdin.flush()
        return float(stdout.readline())

    def end(self) -> None:
        stdin, stdout = self._pipes()
        stdin.close()
        self._process.wait()
        stdout.close()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


def main() -> None:
    from lrdoctor.recording.settings import Recording

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--worker", choices=STEPS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work(given.worker)
        return
    print(f"recording: a script recorded / not recorded, CPU time, one thread, median of {given.rounds} rounds")
    for name, limit in LIMITS.items():
        with tempfile.TemporaryDirectory() as folder:
            recorded = Worker(name, Recording(directory=folder).environment(os.environ))
            plain = Worker(name, os.environ)
            for worker in (recorded, plain):
                worker.seconds(STEPS[name])  # warm
            pairs = [(recorded.seconds(STEPS[name]), plain.seconds(STEPS[name])) for _ in range(given.rounds)]
            recorded.end()
            plain.end()
            with open(os.path.join(folder, "steps.csv"), encoding="ascii") as file:
                n_rows = sum(1 for _ in file) - 1
        assert n_rows == (given.rounds + 1) * STEPS[name], f"{n_rows} rows"
        ratio = statistics.median(a / b for a, b in pairs)
        extra = 1e6 * statistics.median(a - b for a, b in pairs) / STEPS[name]
        per_step = 1e6 * statistics.median(b for _, b in pairs) / STEPS[name]
        verdict = "ok" if ratio <= limit else "MISSED"
        print(f"{name:12} ratio {ratio:.3f} (limit {limit}: {verdict})  {per_step:.0f} us an update + {extra:.0f} us")


if __name__ == "__main__":
    main()
