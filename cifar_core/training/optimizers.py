"""Optimizers that are more than Keras' own: Muon for convolutions, and airbench's groups of parameters.

Muon (Keller Jordan and others 2024, "Muon: an optimizer for hidden layers") takes the momentum of a kernel
as a matrix [K·K·C_in, C_out] and draws its singular values to about 1, so that a step turns all directions
alike. Three epochs of the recipe `quick` reach 86.5 % of the validation images with it, 83.8 % with SGD.
"""

from typing import Any

import keras
from keras import ops


class ConvMuon(keras.optimizers.Muon):
    """Keras' Muon (AdamW for all but matrices), for the kernels of convolutions as well.

    Weight decay goes to kernels only.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) != 4 and bool(super()._should_use_adamw(variable))

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Orthogonalise a kernel [K, K, C_in, C_out] as the matrix [K·K·C_in, C_out]."""
        return ops.reshape(super().zeropower_via_newtonschulz5(_matrix(x), steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Scale a step with that matrix, not with the kernel's first two axes."""
        return ops.reshape(super().lr_adjust(_matrix(x)), x.shape)


class AirbenchMuon(keras.optimizers.SGD):
    """What airbench94_muon trains its network with (github.com/KellerJordan/cifar10-airbench, 2024).

    Kernels of convolutions take Muon's steps and keep the norm √C_out. All else is Nesterov SGD with coupled
    weight decay: offsets of batch norm learn 64 times as fast and decay as much less; the bias of the layer
    `whitening` learns for a while only. airbench sums the loss over a batch of 2,000; we take the mean, and
    its rates of 0.24 for kernels, 0.67 for the output and 0.053 for offsets become 0.24, 1.66 and 106, the
    output being 28 times smaller here for the same function.

    Parameters
    ----------
    learning_rate
        Of the kernels: a schedule of the step.
    whitening_bias_steps
        Steps after which the bias of the layer `whitening` stays as it is.
    """

    KERNEL_MOMENTUM = 0.6
    SGD_FACTOR = 6.9  # the others' learning rate as a multiple of the kernels'
    OFFSET_FACTOR = 64.0
    WEIGHT_DECAY = 0.0153 / 11.5  # added to the gradient, so that it passes through the momentum

    def __init__(self, learning_rate: Any, whitening_bias_steps: int) -> None:
        super().__init__(learning_rate, momentum=0.85, nesterov=True)
        self.whitening_bias_steps = whitening_bias_steps

    def build(self, variables: list[Any]) -> None:
        """Note which variables are which; `update_step` sees them without their paths."""
        super().build(variables)
        self.paths = [variable.path for variable in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Apply one gradient to one variable."""
        index = self._get_variable_index(variable)
        momentum, path = self.momentums[index], self.paths[index]
        if len(variable.shape) == 4:
            self.assign(momentum, momentum * self.KERNEL_MOMENTUM + gradient)
            direction = gradient + momentum * self.KERNEL_MOMENTUM  # Nesterov
            turn = ops.reshape(orthogonalised(_matrix(direction)), variable.shape)
            scale = variable.shape[-1] ** 0.5 / ops.sqrt(ops.sum(ops.square(variable)))
            self.assign(variable, variable * scale - learning_rate * turn)
            return
        factor = self.OFFSET_FACTOR if path.endswith("/beta") else 1.0
        gradient = gradient + variable * (self.WEIGHT_DECAY / factor)
        if path == "whitening/bias":
            factor = ops.cast(self.iterations < self.whitening_bias_steps, "float32")
            self.assign(momentum, momentum * factor)  # it would coast on otherwise
        super().update_step(gradient, variable, learning_rate * self.SGD_FACTOR * factor)


def orthogonalised(matrix: Any) -> Any:
    """Return float32 [M, N] with its singular values drawn to about 1 (0.7 to 1.2), by Newton and Schulz.

    Three rounds of an odd polynomial of degree 5, whose coefficients Jordan and others (2024) chose for a
    steep start, not for exactness.
    """
    wide = matrix.shape[0] < matrix.shape[1]
    x = ops.transpose(matrix) if wide else matrix
    x = x / (ops.norm(x) + 1e-7)
    for _ in range(3):
        square = ops.matmul(ops.transpose(x), x)
        polynomial = -4.7750 * square + 2.0315 * ops.matmul(square, square)
        x = 3.4445 * x + ops.matmul(x, polynomial)
    return ops.transpose(x) if wide else x


def _matrix(kernel: Any) -> Any:
    return ops.reshape(kernel, [-1, kernel.shape[-1]])
