"""A small pre-activation residual network whose second block's stride decides how early it becomes unstable.

The pair of the playbook's Figures 4 and 5: with stride 1 in place of 2 the flattened features are four times as
many, and the loss blows up within the first updates at rates that stride 2 trains at.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import relu


class ConvNet(nn.Module):
    """conv3x3(1 -> 8), two residual blocks (8 -> 8 and 8 -> 16), BN, ReLU, flatten (no pooling), linear.

    Args:
        strides: of the first and the second block: (1, 2) is the reference, (1, 1) the unstable one.
        classes: outputs.
    """

    def __init__(self, strides: tuple[int, int] = (1, 2), classes: int = 10) -> None:
        super().__init__()
        first, second = strides
        self.stem = nn.Conv2d(1, 8, 3, padding=1, bias=False)
        self.block1 = PreActivationBlock(8, 8, first)
        self.block2 = PreActivationBlock(8, 16, second)
        self.norm = nn.BatchNorm2d(16)
        side = -(-8 // first)
        features = 16 * (-(-side // second)) ** 2
        self.head = nn.Linear(features, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.normal_(self.head.weight, std=math.sqrt(1 / features))
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [batch, classes] of the images [batch, 1, 8, 8]."""
        h = self.block2(self.block1(self.stem(x)))
        logits: Tensor = self.head(relu(self.norm(h)).flatten(1))
        return logits


class PreActivationBlock(nn.Module):
    """x + f(x) with f = BN-ReLU-conv3x3(stride)-BN-ReLU-conv3x3.

    Where the shape changes the shortcut is a 1x1 convolution with the stride on the activated input.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.shortcut: nn.Conv2d | None = None
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels_in, h, w] -> [batch, channels_out, h / stride, w / stride]."""
        activated = relu(self.norm1(x))
        skip = x if self.shortcut is None else self.shortcut(activated)
        branch: Tensor = self.conv2(relu(self.norm2(self.conv1(activated))))
        return skip + branch
