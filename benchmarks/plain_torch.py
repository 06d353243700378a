"""What does training the report's CNN look like in plain PyTorch? The other script we are measured against.

    python -m benchmarks.training_throughput    runs it, where PyTorch is installed

Network, optimizer and loss are those of `plain_keras`; threads are PyTorch's own choice. Where the choice is
ours, it is the faster one: images are scaled before the clock runs, Adam is the fused one, no accuracy is
computed. Needs only PyTorch and NumPy, so that it can run under another interpreter.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn


def network() -> nn.Sequential:
    """Build the report's CNN, from float32 [N, 3, 32, 32] to logits; ε and momentum are Keras' defaults."""
    parts: list[nn.Module] = []
    channels = 3
    for filters, dropout in ((32, 0.25), (64, 0.3), (128, 0.35), (256, 0.4)):
        for _ in range(2):
            parts += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()]
            parts += [nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01)]
            channels = filters
        parts += [nn.MaxPool2d(2), nn.Dropout(dropout)]
    parts += [nn.Flatten(), nn.Linear(2 * 2 * 256, 256), nn.ReLU()]
    parts += [nn.BatchNorm1d(256, eps=1e-3, momentum=0.01), nn.Dropout(0.5), nn.Linear(256, 10)]
    return nn.Sequential(*parts)


def train(
    images: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    epochs: int,
    *,
    channels_last: bool = False,
    bfloat16: bool = False,
    stop_after_step: Callable[[], bool] = lambda: False,
) -> nn.Sequential:
    """Train the report's CNN on uint8 [N, 32, 32, 3] and int64 [N]; each epoch has an order of its own."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255).contiguous(memory_format=layout)
    y = torch.from_numpy(labels)
    model = network().to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=True)
    cross_entropy = nn.CrossEntropyLoss()
    model.train()
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for start in range(0, len(x) - batch_size + 1, batch_size):
            chosen = order[start : start + batch_size]
            batch = x[chosen].contiguous(memory_format=layout)
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                loss = cross_entropy(model(batch), y[chosen])
            loss.backward()
            optimizer.step()
            if stop_after_step():
                return model
    return model
