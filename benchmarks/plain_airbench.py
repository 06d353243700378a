"""What does training airbench94's network look like in plain PyTorch? The script `fast` is measured against.

    python -m benchmarks.training_throughput fast    runs it, where PyTorch is installed

After Keller Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU": whitening, three groups of two
convolutions, Muon for their kernels. Widths, batch, augmentation and loss are those of the recipe; all that
a step computes is computed. Where the choice is ours, it is the faster one: images are in memory, scaled,
no accuracy is computed. Needs only PyTorch and NumPy, so that it can run under another interpreter.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

RATE, OUTPUT_RATE, OFFSET_RATE = 0.24, 0.67, 0.053
REACH = 2  # pixels that a picture is shifted by, at most


def network(widths: Sequence[int]) -> nn.Sequential:
    """Build the network, from float32 [N, 3, 32, 32] to logits [N, 10]."""
    whitening = nn.Conv2d(3, 24, 2)
    whitening.weight.requires_grad = False
    parts: list[nn.Module] = [whitening, nn.GELU()]
    channels = 24
    for filters in widths:
        parts += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.MaxPool2d(2), _norm(filters)]
        parts += [nn.GELU(), nn.Conv2d(filters, filters, 3, padding=1, bias=False), _norm(filters), nn.GELU()]
        channels = filters
    return nn.Sequential(*parts, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(channels, 10, bias=False))


def _norm(filters: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(filters, eps=1e-5, momentum=0.4)
    norm.weight.requires_grad = False
    return norm


class Muon:
    """Muon for the kernels of convolutions (Jordan and others 2024), which keep their norm."""

    MOMENTUM = 0.6

    def __init__(self, kernels: Sequence[nn.Parameter]) -> None:
        self.kernels, self.momenta = kernels, [torch.zeros_like(kernel) for kernel in kernels]

    def step(self) -> None:
        """Turn each kernel by its momentum, drawn to singular values of about 1."""
        with torch.no_grad():
            for kernel, momentum in zip(self.kernels, self.momenta, strict=True):
                momentum.mul_(self.MOMENTUM).add_(kernel.grad)
                direction = kernel.grad.add(momentum, alpha=self.MOMENTUM)  # Nesterov
                kernel.mul_(len(kernel) ** 0.5 / kernel.norm())
                kernel.add_(_orthogonalised(direction.flatten(1)).view_as(kernel), alpha=-RATE)


def _orthogonalised(matrix: torch.Tensor) -> torch.Tensor:
    x = matrix.bfloat16()
    x = x / (x.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(3):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x.T if tall else x).float()


def train(
    images: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    widths: Sequence[int],
    *,
    compiled: bool = False,
    stop_after_step: Callable[[], bool],
) -> None:
    """Train on uint8 [N, 32, 32, 3] and int64 [N], in bfloat16 and channels last, until told to stop."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255)
    x = functional.pad(x, (REACH,) * 4, mode="reflect").contiguous(memory_format=torch.channels_last)
    y = torch.from_numpy(labels)
    model = network(widths).to(memory_format=torch.channels_last).train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    kernels = [parameter for parameter in trained if parameter.ndim == 4]
    output = [parameter for parameter in trained if parameter.ndim == 2]
    offsets = [parameter for parameter in trained if parameter.ndim == 1]
    groups = [{"params": output, "lr": OUTPUT_RATE}, {"params": offsets, "lr": OFFSET_RATE}]
    optimizers = [Muon(kernels), torch.optim.SGD(groups, momentum=0.85, nesterov=True)]
    # Mean loss and unscaled logits instead of airbench's sum: another function, of the same cost.
    cross_entropy = nn.CrossEntropyLoss(label_smoothing=0.2)
    forward = torch.compile(model) if compiled else model
    while True:
        order = torch.randperm(len(x))
        for start in range(0, len(x) - batch_size + 1, batch_size):
            chosen = order[start : start + batch_size]
            with torch.autocast("cpu", torch.bfloat16):
                loss = cross_entropy(forward(_augmented(x[chosen])), y[chosen])
            model.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            if stop_after_step():
                return


def _augmented(padded: torch.Tensor) -> torch.Tensor:
    """Cut each picture out of its padded one at a place of its own, and mirror half of them."""
    side = padded.shape[-1] - 2 * REACH
    places = torch.randint(2 * REACH + 1, (len(padded), 2)).tolist()
    cut = torch.empty((len(padded), 3, side, side), memory_format=torch.channels_last)
    for index, (row, column) in enumerate(places):
        cut[index] = padded[index, :, row : row + side, column : column + side]
    mirrored = torch.rand(len(cut)) < 0.5
    cut[mirrored] = cut[mirrored].flip(-1)
    return cut
