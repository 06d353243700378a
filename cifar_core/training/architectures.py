"""The networks, as functional Keras models from images in [0, 1] to logits.

Every network takes float32 [N, 32, 32, 3] in [0, 1] and has a layer `features` (penultimate) and a layer
`logits` (its output); `with_probabilities` puts the softmax behind. They are built of Keras' own layers, so
that a saved `model.keras` opens anywhere; only in training does `fused=True` swap in the faster batch
normalisation, whose weights are the same.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from cifar_core.dataset import CLASS_NAMES, IMAGE_SHAPE

# Mean and standard deviation of the training images, per channel, as airbench94 uses them.
CHANNEL_MEAN = (0.4914, 0.4822, 0.4465)
CHANNEL_STD = (0.2470, 0.2435, 0.2616)


@keras.saving.register_keras_serializable("cifar_core")
class FusedBatchNormalization(layers.BatchNormalization):
    """Keras' batch normalisation computed by TensorFlow's one fused kernel.

    Keras 3 computes the moments in many small operations, which halves the speed of training on a CPU.
    Weights, names and results are those of the parent class, except that the kernel's running variance is
    the unbiased one (a factor of n/(n−1), n = images · pixels).
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise float32 [N, H, W, C] (other ranks: as the parent does)."""
        if len(inputs.shape) != 4 or not training or not self.trainable:
            return super().call(inputs, training=training, mask=mask)
        one = tf.ones_like(self.moving_mean)
        output, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma if self.scale else one,
            offset=self.beta if self.center else tf.zeros_like(one),
            mean=self.moving_mean,
            variance=self.moving_variance,
            epsilon=self.epsilon,
            is_training=True,
        )
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))
        return output


def _batch_norm(fused: bool) -> type[layers.BatchNormalization]:
    return FusedBatchNormalization if fused else layers.BatchNormalization


def report_cnn(fused: bool) -> keras.Model:
    """Build the report's CNN: four blocks of two convolutions, 32 to 256 filters, then a dense layer of 256.

    Dropout grows from block to block (0.25, 0.3, 0.35, 0.4) and is 0.5 before the output.
    """
    norm = _batch_norm(fused)
    inputs = x = keras.Input(IMAGE_SHAPE, name="image")
    for filters, dropout in zip((32, 64, 128, 256), (0.25, 0.3, 0.35, 0.4), strict=True):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = norm()(x)
        x = layers.MaxPooling2D()(x)
        x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(256, activation="relu")(x)
    x = norm(name="features")(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(len(CLASS_NAMES), name="logits")(x), name="report_cnn")


def airbench(fused: bool, widths: Sequence[int], activation: str) -> keras.Model:
    """Build the network of airbench94 (Keller Jordan, 2024): whitening, three groups of two convolutions.

    Parameters
    ----------
    widths
        Filters of the three groups.
    activation
        Name of a Keras activation; `gelu` is the exact one.
    """

    def convolution(filters: int) -> layers.Layer:
        start = torch_uniform()
        return layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer=start)

    def norm(name: str | None = None) -> layers.Layer:
        return _batch_norm(fused)(scale=False, epsilon=1e-12, momentum=0.6, name=name)

    inputs = keras.Input(IMAGE_SHAPE, name="image")
    # (x − mean) / std. Not `Normalization`: it would come out of the ONNX converter as two more inputs.
    offset = [-mean / std for mean, std in zip(CHANNEL_MEAN, CHANNEL_STD, strict=True)]
    x = layers.Rescaling([1 / std for std in CHANNEL_STD], offset, name="standardise")(inputs)
    x = layers.Conv2D(24, 2, name="whitening")(x)
    x = layers.Activation(activation)(x)
    for filters in widths:
        x = convolution(filters)(x)
        x = layers.MaxPooling2D()(x)
        x = layers.Activation(activation)(norm()(x))
        x = layers.Activation(activation)(norm()(convolution(filters)(x)))
    x = layers.GlobalMaxPooling2D(name="features")(x)
    x = layers.Dense(len(CLASS_NAMES), use_bias=False, kernel_initializer=torch_uniform())(x)
    network = keras.Model(inputs, layers.Rescaling(1 / 9, name="logits")(x), name="airbench")
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D) and layer.name != "whitening":
            _start_with_identity(layer)
    return network


def torch_uniform() -> keras.initializers.Initializer:
    """Return PyTorch's default start of a convolution or dense layer, U(±1/√fan-in)."""
    return keras.initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform")


def _start_with_identity(convolution: layers.Conv2D) -> None:
    """Let the first C_in filters pass their channel on unchanged (Dirac).

    Set here and not by an initialiser of our own, whose name a saved `model.keras` would hold.
    """
    kernel = np.asarray(convolution.kernel).copy()
    height, width, channels_in, channels_out = kernel.shape
    identity = np.arange(min(channels_in, channels_out))
    kernel[..., identity] = 0.0
    kernel[height // 2, width // 2, identity, identity] = 1.0
    convolution.kernel.assign(kernel)


def whiten(model: keras.Model, images: np.ndarray) -> None:
    """Set the frozen first convolution so that it decorrelates 2x2 patches (airbench94).

    Parameters
    ----------
    model
        A network with layers `standardise` and `whitening`; others are left alone.
    images
        uint8 [N, 32, 32, 3], the first 5,000 of which are used.
    """
    names = {layer.name for layer in model.layers}
    if "whitening" not in names:
        return
    images = images[:5000]
    covariance = np.zeros((12, 12))
    for start in range(0, len(images), 250):  # the patches of all at once would take 600 MB
        x = (images[start : start + 250] / 255 - CHANNEL_MEAN) / CHANNEL_STD
        patches = np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(1, 2))  # [N, 31, 31, 3, 2, 2]
        flat = patches.reshape(-1, 12)
        covariance += flat.T @ flat / (len(images) * 31 * 31)
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    filters = (eigenvectors / np.sqrt(eigenvalues + 5e-4)).T[::-1].reshape(12, 3, 2, 2)
    kernel = np.concatenate([filters, -filters]).transpose(2, 3, 1, 0)  # [2, 2, 3, 24]
    layer = model.get_layer("whitening")
    layer.kernel.assign(kernel.astype(np.float32))
    layer.kernel.trainable = False


_NETWORKS: dict[str, Callable[..., keras.Model]] = {"report_cnn": report_cnn, "airbench": airbench}


def build(network: str, options: dict[str, Any], *, fused: bool = False) -> keras.Model:
    """Build a network by the name and options in its recipe; `fused` for training."""
    return _NETWORKS[network](fused, **options)


def with_probabilities(model: keras.Model) -> keras.Model:
    """Put the softmax behind a network: float32 [N, 32, 32, 3] in [0, 1] to probabilities [N, 10]."""
    return keras.Model(model.input, layers.Softmax(name="probabilities")(model.output), name=model.name)
