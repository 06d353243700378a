"""How airbench94 trains (Keller Jordan, github.com/KellerJordan/cifar10-airbench, 2024), in Keras' terms.

Nesterov SGD with coupled weight decay, a learning rate that rises and falls linearly, and weights that are
averaged every five steps, more strongly towards the end. airbench sums the loss over a batch of 1,024; we
take the mean, which turns its 11.5 / (1 + 1/(1 − 0.85)) into a peak learning rate of 1.5.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

MOMENTUM = 0.85
WEIGHT_DECAY = 0.0153 / 11.5  # added to the gradient, so that it passes through the momentum
OFFSET_FACTOR = 64.0  # batch-norm offsets learn this much faster, and decay as much less
WHITENING_BIAS_EPOCHS = 3


class AirbenchSGD(keras.optimizers.SGD):
    """Nesterov SGD with airbench's groups of parameters.

    Parameters
    ----------
    learning_rate
        A schedule of the step.
    whitening_bias_steps
        Steps after which the bias of the layer `whitening` stays as it is.
    """

    def __init__(self, learning_rate: Any, whitening_bias_steps: int) -> None:
        super().__init__(learning_rate, momentum=MOMENTUM, nesterov=True)
        self.whitening_bias_steps = whitening_bias_steps

    def build(self, variables: list[Any]) -> None:
        """Note which variables are which; `update_step` sees them without their paths."""
        super().build(variables)
        self.paths = [variable.path for variable in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Apply one gradient to one variable."""
        index = self._get_variable_index(variable)
        path = self.paths[index]
        factor = OFFSET_FACTOR if path.endswith("/beta") else 1.0
        gradient = gradient + variable * (WEIGHT_DECAY / factor)
        if path == "whitening/bias":
            factor = ops.cast(self.iterations < self.whitening_bias_steps, "float32")
            self.assign(self.momentums[index], self.momentums[index] * factor)  # it would coast on otherwise
        super().update_step(gradient, variable, learning_rate * factor)


class RiseAndFall(keras.optimizers.schedules.LearningRateSchedule):
    """From 0.2 of the peak up to it over the first 23 % of the steps, then down to 0.07, linearly."""

    def __init__(self, peak: float, steps: int) -> None:
        self.peak, self.steps = peak, steps

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step, counted from 0."""
        summit = 0.23 * self.steps
        step = ops.cast(step, "float32")
        rise = 0.2 + 0.8 * step / summit
        fall = 1.0 - 0.93 * (step - summit) / (self.steps - summit)
        return self.peak * ops.maximum(ops.minimum(rise, fall), 0.0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"peak": self.peak, "steps": self.steps}


class Lookahead(keras.callbacks.Callback):
    """Averaged weights: every 5 steps slow ← d·slow + (1−d)·fast and fast ← slow, d = 0.95⁵·(t/T)³.

    Batch-norm statistics are averaged too. At the end the network takes the slow weights (Zhang et al. 2019).
    """

    EVERY = 5

    def __init__(self, model: keras.Model, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.fast = list(model.weights)
        self.slow = [
            keras.Variable(weight, trainable=False, name=f"slow_{i}") for i, weight in enumerate(self.fast)
        ]

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Average, every fifth step of the whole run."""
        step = int(self.model.optimizer.iterations)
        if step % self.EVERY == 0:
            self._average(tf.constant(0.95**5 * (step / self.steps) ** 3, tf.float32))
        if step == self.steps:  # before the last validation, which is of the weights that stay
            self._average(tf.constant(1.0))

    @tf.function
    def _average(self, decay: Any) -> None:
        for slow, fast in zip(self.slow, self.fast, strict=True):
            slow.assign(decay * slow + (1.0 - decay) * fast)
            fast.assign(slow)
