"""The networks in PyTorch. Plain stacks start from Glorot's weights, as others do, so that losses can be compared."""

import itertools
from typing import Any

import torch
from benchmarks.speed.workloads import (
    CLASSES,
    EMBEDDING,
    HEADS,
    HIDDEN,
    LAYERS,
    MEMORY,
    RESIDUAL_BLOCKS,
    RESIDUAL_WIDTHS,
    STEPS,
    SYMBOLS,
    WIDTH,
    Workload,
)
from torch import Tensor, nn
from torch.nn import functional


def network(workload: Workload) -> nn.Module:
    """Return the workload's network; pictures have their channels first."""
    if workload.family == "mlp":
        sizes = (784, *workload.units)
        hidden = [part for pair in itertools.pairwise(sizes) for part in (nn.Linear(*pair), nn.ReLU())]
        return nn.Sequential(*hidden, nn.Linear(sizes[-1], CLASSES)).apply(start)
    if workload.family == "cnn":
        first = nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
        second = nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
        return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(7 * 7 * 64, CLASSES)).apply(start)
    return {"resnet": ResidualNetwork, "lstm": Recurrent, "gpt": Transformer}[workload.family]()


def start(module: nn.Module) -> None:
    """Draw Glorot's weights."""
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)


class Block(nn.Module):
    """A basic block of a residual network."""

    def __init__(self, before: int, width: int):
        super().__init__()
        stride = 1 if before == width else 2
        self.conv1 = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        widened = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        self.shortcut = nn.Identity() if stride == 1 else widened

    def forward(self, x: Tensor) -> Tensor:
        """Add, then bend."""
        y = functional.relu(self.norm1(self.conv1(x)), inplace=True)
        return functional.relu(self.norm2(self.conv2(y)) + self.shortcut(x), inplace=True)


class ResidualNetwork(nn.Module):
    """ResNet-20."""

    def __init__(self) -> None:
        super().__init__()
        before = RESIDUAL_WIDTHS[0]
        parts: list[Any] = [nn.Conv2d(3, before, 3, padding=1, bias=False), nn.BatchNorm2d(before), nn.ReLU(True)]
        for width in RESIDUAL_WIDTHS:
            for _ in range(RESIDUAL_BLOCKS):
                parts.append(Block(before, width))
                before = width
        self.body = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, CLASSES))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        return self.body(x)


class Recurrent(nn.Module):
    """An LSTM over symbols; PyTorch's has two biases, of which one would do."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, MEMORY, batch_first=True)
        self.head = nn.Linear(MEMORY, SYMBOLS)

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits at every step."""
        return self.head(self.lstm(self.embedding(ids))[0])


class TransformerBlock(nn.Module):
    """Causal attention and a feed-forward part, each after a norm; queries, keys and values by one product."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention, self.mixed = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.hidden, self.output = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Attend and think."""
        rows, time, _ = x.shape
        parts = self.attention(self.norm1(x)).split(WIDTH, dim=2)
        q, k, v = (part.view(rows, time, HEADS, WIDTH // HEADS).transpose(1, 2) for part in parts)
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.mixed(seen.transpose(1, 2).reshape(rows, time, WIDTH))
        return x + self.output(functional.gelu(self.hidden(self.norm2(x))))


class Transformer(nn.Module):
    """A small GPT; weights start small, as GPT's do."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, WIDTH)
        self.positions = nn.Parameter(torch.zeros(STEPS, WIDTH))
        self.blocks = nn.Sequential(*(TransformerBlock() for _ in range(LAYERS)))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, SYMBOLS)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
        nn.init.normal_(self.positions, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits at every step."""
        return self.head(self.norm(self.blocks(self.embedding(ids) + self.positions)))
