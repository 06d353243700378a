"""Faster layers, which training puts in place of Keras' own.

Each has the same weights as the layer it replaces, and the same results but for rounding. So Keras alone
opens what was trained with it. On two Zen 5 cores the recipe `fast` trains on 871 images/s with these layers
and on 608 without (`python -m benchmarks.pipeline fast`).
"""

import math
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from cifar_core import hardware
from cifar_core.training import winograd

# From where on matrix products are faster than oneDNN's convolutions.
# In bfloat16 they are on small pictures: this many pixels a side, or fewer.
SMALL = 8
# In float32 they follow Winograd's method, and are faster where a kernel has many channels. What they save
# grows with in · out, what they cost with in + out. So the quotient decides, in · out / (in + out). Both ways
# are as fast at 20 (24 to 128 channels) and at 21 (32 to 64); at 32 (64 to 64) matrix products are faster.
MANY_CHANNELS = 25


def faster(model: keras.Model) -> keras.Model:
    """Return a functional model with the same weights and faster layers, for training only."""
    twin = keras.models.clone_model(model, clone_function=_faster_layer)
    twin.set_weights(model.get_weights())
    return twin


def _faster_layer(layer: layers.Layer) -> layers.Layer:
    config = layer.get_config()
    if type(layer) is layers.BatchNormalization:
        return FusedBatchNormalization.from_config(config)
    if type(layer) is layers.Conv2D and (layer.compute_dtype == "bfloat16" or _only_avx2()):
        return FasterConv2D.from_config(config)
    if type(layer) is layers.Activation and layer.activation is keras.activations.gelu:
        return layers.Activation(gelu, name=layer.name, dtype=layer.dtype_policy)
    return layer.__class__.from_config(config)


def _only_avx2() -> bool:
    # oneDNN makes more of AVX-512; whether Winograd's convolutions gain anything there is not measured.
    return hardware.vectors() is hardware.Vectors.AVX2


class FusedBatchNormalization(layers.BatchNormalization):
    """Keras' batch normalisation computed by TensorFlow's one fused kernel.

    Keras 3 computes the moments in many small operations, which halves the speed of training on a CPU.
    Weights, names and results are those of the parent class. One thing differs: the kernel's running variance
    is the unbiased one, larger by n/(n−1), where n = images · pixels.
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


class FasterConv2D(layers.Conv2D):
    """A convolution made of matrix products where that is faster; elsewhere it is the parent.

    In float32 that is Winograd's method, for kernels with many channels. On two Zen 3 cores it takes at most
    half the time of oneDNN's convolution, gradients included. It takes more memory: up to 1 GB in the recipe
    `fast`.

    bfloat16 has too few digits for that method. There only the gradient of the kernel is made of matrix
    products, and only on small pictures: oneDNN takes as long for it on 2x2 pixels as on 4x4. For VGG16's
    last block (batch 128) oneDNN takes 45 ms, this takes 5 ms.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve [N, H, W, C_in] with [K, K, C_in, C_out]."""
        plain = (self.padding, self.strides, self.dilation_rate, self.groups) == ("same", (1, 1), (1, 1), 1)
        many = math.prod(kernel.shape[2:]) >= MANY_CHANNELS * sum(kernel.shape[2:])
        if plain and self.compute_dtype == "float32" and self.kernel_size == (3, 3) and many:
            return winograd.convolve(inputs, tf.convert_to_tensor(kernel))
        small = max(inputs.shape[1:3]) <= SMALL
        if plain and self.compute_dtype == "bfloat16" and small and all(n % 2 for n in self.kernel_size):
            return _small_convolution(inputs, tf.convert_to_tensor(kernel))
        return super().convolution_op(inputs, kernel)


@tf.custom_gradient
def _small_convolution(inputs: Any, kernel: Any) -> Any:
    height, width, channels_in = inputs.shape[1:]
    rows, columns, _, channels_out = kernel.shape

    def gradients(upstream: Any) -> tuple[Any, Any]:
        of_inputs = tf.nn.conv2d_transpose(upstream, kernel, tf.shape(inputs), 1, "SAME")
        around = [[0, 0], [rows // 2] * 2, [columns // 2] * 2, [0, 0]]
        padded, flat = tf.pad(inputs, around), tf.reshape(upstream, [-1, channels_out])
        of_kernel = [
            tf.matmul(
                tf.reshape(padded[:, y : y + height, x : x + width], [-1, channels_in]),
                flat,
                transpose_a=True,
            )
            for y in range(rows)
            for x in range(columns)
        ]
        return of_inputs, tf.reshape(tf.stack(of_kernel), kernel.shape)

    return tf.nn.conv2d(inputs, kernel, 1, "SAME"), gradients


@tf.custom_gradient
def gelu(x: Any) -> Any:
    """Return the exact GELU, x·Φ(x), of a tensor (Hendrycks and Gimpel 2016), and its gradient.

    TensorFlow runs a loop for each operation, and its erfc has no vector form in bfloat16. Compiled into one
    loop, in float32, it takes a fifth of the time.
    """
    return _gelu(x), lambda upstream: _gelu_gradient(x, upstream)


@tf.function(jit_compile=True)
def _gelu(x: Any) -> Any:
    z = tf.cast(x, tf.float32)
    return tf.cast(z * _normal_distribution(z), x.dtype)


@tf.function(jit_compile=True)
def _gelu_gradient(x: Any, upstream: Any) -> Any:
    z = tf.cast(x, tf.float32)
    density = tf.exp(-0.5 * z * z) * 0.3989422804014327  # 1 / √(2π)
    slope = _normal_distribution(z) + z * density
    return tf.cast(tf.cast(upstream, tf.float32) * slope, x.dtype)


def _normal_distribution(z: Any) -> Any:
    return 0.5 + 0.5 * tf.math.erf(z * 0.7071067811865476)  # 1 / √2
