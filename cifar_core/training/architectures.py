"""The networks, as functional Keras models from images in [0, 1] to logits.

Every network takes float32 [N, S, S, 3] in [0, 1] and has a layer `features` (penultimate) and a layer
`logits` (its output); `with_probabilities` puts the softmax behind. They are built of Keras' own layers, so
that a saved `model.keras` opens anywhere; only in training does `fused=True` swap in faster layers of the
same weights, and `precision="bfloat16"` halve the numbers between the layers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from cifar_core.recipe import Precision
from cifar_core.training.bases import load_imagenet, transfer, vgg16
from cifar_core.training.kernels import faster

# Mean and standard deviation of the training images, per channel, as airbench94 uses them.
CHANNEL_MEAN = (0.4914, 0.4822, 0.4465)
CHANNEL_STD = (0.2470, 0.2435, 0.2616)

# Below it a direction of the patches is constant but for rounding; CIFAR-10's least varying one has 6e-4.
LEAST_VARIANCE = 1e-7


def report_cnn(classes: int, side: int, dropout: float = 1.0) -> keras.Model:
    """Build the report's CNN: four blocks of two convolutions, 32 to 256 filters, then a dense layer of 256.

    Dropout grows from block to block (0.25, 0.3, 0.35, 0.4) and is 0.5 before the output, all times
    `dropout`.
    """
    inputs = x = keras.Input((side, side, 3), name="image")
    for filters, rate in zip((32, 64, 128, 256), (0.25, 0.3, 0.35, 0.4), strict=True):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D()(x)
        x = layers.Dropout(dropout * rate)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.BatchNormalization(name="features")(x)
    x = layers.Dropout(dropout * 0.5)(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="report_cnn")


def airbench(classes: int, side: int, widths: Sequence[int], activation: str) -> keras.Model:
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
        # Not airbench's 1e-12: a channel that hardly varied in training, as some do where all is grey, would
        # answer a picture of another kind with numbers beyond float32.
        return layers.BatchNormalization(scale=False, epsilon=1e-5, momentum=0.6, name=name)

    inputs = keras.Input((side, side, 3), name="image")
    # (x − mean) / std. Not `Normalization`: it would come out of the ONNX converter as two more inputs.
    offset = [-mean / std for mean, std in zip(CHANNEL_MEAN, CHANNEL_STD, strict=True)]
    scale = [1 / std for std in CHANNEL_STD]
    x = layers.Rescaling(scale, offset, dtype="float32", name="standardise")(inputs)
    # In full precision always: it makes differences between neighbours, 44 times enlarged, of rounded values.
    x = layers.Conv2D(24, 2, dtype="float32", name="whitening")(x)
    x = layers.Activation(activation)(x)
    for filters in widths:
        x = convolution(filters)(x)
        x = layers.MaxPooling2D()(x)
        x = layers.Activation(activation)(norm()(x))
        x = layers.Activation(activation)(norm()(convolution(filters)(x)))
    x = layers.GlobalMaxPooling2D(name="features")(x)
    start = torch_uniform()
    x = layers.Dense(classes, use_bias=False, kernel_initializer=start, dtype="float32")(x)
    logits = layers.Rescaling(1 / 9, dtype="float32", name="logits")(x)
    network = keras.Model(inputs, logits, name="airbench")
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


def start(model: keras.Model, images: np.ndarray) -> None:
    """Give a network the weights that it does not start with at random.

    Parameters
    ----------
    model
        As `build` returns it: VGG16's convolutions get their ImageNet weights, `airbench` its whitening.
    images
        The training images, uint8 [N, S, S, 3].

    Raises
    ------
    CifarLabError
        If the ImageNet weights can neither be read nor downloaded.
    """
    match model.name:
        case "airbench":
            whiten(model, images[:5000])
        case "vgg16" | "transfer" if any(layer.name == "block1_conv1" for layer in model.layers):
            load_imagenet(model)


def whiten(model: keras.Model, images: np.ndarray) -> None:
    """Set the frozen first convolution so that it decorrelates 2x2 patches of `images` (airbench94).

    A direction in which the patches never vary, as where all is grey, gets a filter of zeros. It would be a
    constant otherwise, whose batch norm has next to nothing to divide by and lags behind the weights.
    """
    moments, mean = np.zeros((12, 12)), np.zeros(12)
    for first in range(0, len(images), 250):  # the patches of all at once would take 600 MB
        x = (images[first : first + 250] / 255 - CHANNEL_MEAN) / CHANNEL_STD
        patches = np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(1, 2))  # [N, H−1, W−1, 3, 2, 2]
        flat = patches.reshape(-1, 12)
        count = len(images) * patches.shape[1] * patches.shape[2]
        moments += flat.T @ flat / count
        mean += flat.sum(axis=0) / count
    eigenvalues, eigenvectors = np.linalg.eigh(moments)
    varies = eigenvalues - (mean @ eigenvectors) ** 2 > LEAST_VARIANCE
    filters = (eigenvectors * varies / np.sqrt(eigenvalues + 5e-4)).T[::-1].reshape(12, 3, 2, 2)
    kernel = np.concatenate([filters, -filters]).transpose(2, 3, 1, 0)  # [2, 2, 3, 24]
    layer = model.get_layer("whitening")
    layer.kernel.assign(kernel.astype(np.float32))
    layer.kernel.trainable = False


_NETWORKS: dict[str, Callable[..., keras.Model]] = {
    "report_cnn": report_cnn,
    "airbench": airbench,
    "vgg16": vgg16,
    "transfer": transfer,
}


def build(
    network: str,
    options: dict[str, Any],
    *,
    classes: int = 10,
    side: int = 32,
    fused: bool = False,
    precision: Precision = "float32",
) -> keras.Model:
    """Build a network.

    Parameters
    ----------
    network, options
        As in its recipe.
    classes, side
        How many classes it tells apart, and the pixels a side of its pictures.
    fused
        Swap in the faster layers of `cifar_core.training.kernels`: for training.
    precision
        `bfloat16`: for training; the weights stay float32, but layers compute with bfloat16 copies of them
        (mixed precision, Micikevicius et al. 2018), save for the first ones and the logits.
    """
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    try:
        model = _NETWORKS[network](classes, side, **options)
        return faster(model) if fused else model
    finally:
        keras.config.set_dtype_policy("float32")


def with_probabilities(model: keras.Model) -> keras.Model:
    """Put the softmax behind a network: float32 [N, S, S, 3] in [0, 1] to probabilities [N, C]."""
    return keras.Model(model.input, layers.Softmax(name="probabilities")(model.output), name=model.name)
