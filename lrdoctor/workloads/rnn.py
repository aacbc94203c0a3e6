"""A tanh recurrent network with large recurrent weights: gradient outliers, cured by clipping (Figure 9)."""

from __future__ import annotations

import math

from torch import Tensor, nn


class TanhRNN(nn.Module):
    """h = tanh(W_ih x + W_hh h); the last state goes through a linear head.

    Args:
        inputs: numbers a step.
        hidden: units of the state.
        gain: spectral radius of the initial W_hh, roughly; above 1 gradients grow through time.
        classes: outputs.
    """

    def __init__(self, inputs: int = 2, hidden: int = 64, gain: float = 1.5, classes: int = 10) -> None:
        super().__init__()
        self.rnn = nn.RNN(inputs, hidden, nonlinearity="tanh", batch_first=True)
        self.head = nn.Linear(hidden, classes)
        deviations = {"weight_hh_l0": gain / math.sqrt(hidden), "weight_ih_l0": 1 / math.sqrt(inputs)}
        for name, parameter in self.rnn.named_parameters():
            if name in deviations:
                nn.init.normal_(parameter, std=deviations[name])
            else:
                nn.init.zeros_(parameter)
        nn.init.normal_(self.head.weight, std=1 / math.sqrt(hidden))
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [batch, classes] of the sequences [batch, steps, inputs]."""
        states, _ = self.rnn(x)
        logits: Tensor = self.head(states[:, -1])
        return logits
