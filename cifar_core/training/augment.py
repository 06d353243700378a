"""The training images on their way to the network: order, augmentation, scaling.

Everything random is a pure function of the seed, the epoch and the step (TensorFlow's stateless generators),
so a run that was interrupted sees the same batches as one that was not. The images stay uint8 until a batch
is made; the work is a graph on tf.data's threads beside the training step.
"""

from typing import Any

import tensorflow as tf

from cifar_core.datasets.dataset import Batch, Facts
from cifar_core.recipe import Recipe
from cifar_core.training import degrade

GREY = 121  # the mean of all values of CIFAR-10's training images is 120.7


def training_batches(batch: Batch, facts: Facts, recipe: Recipe, first_epoch: int = 0) -> Any:
    """Return the batches of all epochs from `first_epoch` (counted from 0) as one `tf.data.Dataset`.

    Parameters
    ----------
    batch
        Images uint8 [N, S, S, 3] and their labels; or float32 [N, …], features that stay as they are.
    facts
        How many classes there are, and whether pictures may be mirrored.
    recipe
        Its batch size, augmentation, epochs and seed count; an epoch's last, incomplete batch is dropped.

    Returns
    -------
    tf.data.Dataset
        Of (float32 [B, S, S, 3] in [0, 1], float32 [B, C] one-hot).
    """
    images, labels = batch
    count, size, steps = len(images), recipe.batch_size, len(images) // recipe.batch_size
    all_images = tf.constant(images)
    all_labels = tf.one_hot(labels, len(facts.class_names))
    start = stateless_coins(recipe.seed, count)
    patterns = degrade.patterns(degrade.PATTERNS if recipe.mixed else 0, facts.side, recipe.seed)

    def order(epoch: Any) -> Any:
        keys = tf.random.stateless_uniform([count], seed=tf.stack([recipe.seed, tf.cast(epoch, tf.int32)]))
        indices = tf.reshape(tf.argsort(keys)[: steps * size], [steps, size])
        return tf.data.Dataset.from_tensor_slices((tf.repeat(epoch, steps), tf.range(steps), indices))

    @tf.autograph.experimental.do_not_convert  # it branches on the recipe alone
    def made(epoch: Any, step: Any, indices: Any) -> Any:
        chosen = tf.gather(all_images, indices)
        if recipe.augmentation == "flip_and_shift":
            # Mirrored at random once, then in every other epoch: each pair of epochs shows both sides of
            # every image, which a fresh coin each time does not (Jordan 2024).
            mirrored = tf.math.floormod(tf.gather(start, indices) + tf.cast(epoch, tf.int32), 2) == 1
            seed = tf.stack([~recipe.seed, tf.cast(epoch, tf.int32) * steps + step])
            chosen = mirror(chosen, mirrored) if facts.mirrors else chosen
            chosen = shift(chosen, recipe.shift, seed)
            if recipe.cutout:
                chosen = cut_out(chosen, recipe.cutout, tf.random.fold_in(seed, 1))
        chosen = _scaled(chosen)
        # The first of a batch and the last of it, some both: a batch is in random order anyway.
        if first := round(recipe.mixed * size):
            seed = tf.stack([recipe.seed, ~(tf.cast(epoch, tf.int32) * steps + step)])
            mixed = degrade.mix(chosen[:first], tf.constant(patterns), seed)
            chosen = tf.concat([mixed, chosen[first:]], axis=0)
        if last := round(recipe.degraded * size):
            seed = tf.stack([~recipe.seed, ~(tf.cast(epoch, tf.int32) * steps + step)])
            worse = degrade.degrade(chosen[size - last :], seed)
            chosen = tf.concat([chosen[: size - last], worse], axis=0)
        return tf.ensure_shape(chosen, [size, *images.shape[1:]]), tf.gather(all_labels, indices)

    epochs = tf.data.Dataset.range(first_epoch, recipe.epochs)
    batches = epochs.flat_map(order).map(made, num_parallel_calls=1, deterministic=True).prefetch(2)
    return batches.with_options(_plain_options())


def evaluation_batches(batch: Batch, classes: int, size: int = 500) -> Any:
    """Return the images in their own order, scaled, with one-hot labels, as a `tf.data.Dataset`."""
    images, labels = batch
    pairs = tf.data.Dataset.from_tensor_slices((images, tf.one_hot(labels, classes))).batch(size)
    batches = pairs.map(lambda x, y: (_scaled(x), y)).prefetch(2)
    return batches.with_options(_plain_options())


def _scaled(images: Any) -> Any:
    return tf.cast(images, tf.float32) / 255.0 if images.dtype == tf.uint8 else images


def _plain_options() -> Any:
    """Switch off what tunes the pipeline: nothing needs tuning, and the end waits for its thread to wake."""
    options = tf.data.Options()
    options.autotune.enabled = False  # it sleeps for up to a minute at a time; 7 to 40 s were measured
    return options


def stateless_coins(seed: int, count: int) -> Any:
    """Return int32 [count] of 0 and 1, fixed by the seed."""
    return tf.random.stateless_uniform([count], seed=[seed, 2**31 - 1], maxval=2, dtype=tf.int32)


def mirror(images: Any, mirrored: Any) -> Any:
    """Mirror those of uint8 [B, H, W, C] where bool [B] says so."""
    return tf.where(mirrored[:, None, None, None], tf.reverse(images, axis=[2]), images)


def shift(images: Any, pixels: int, seed: Any) -> Any:
    """Shift each of uint8 [B, H, W, C] by up to so many pixels both ways, reflected at the border."""
    count, height, width = images.shape[0], images.shape[1], images.shape[2]
    padded = tf.pad(images, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]], mode="REFLECT")
    offset = tf.random.stateless_uniform([2, count, 1], seed, maxval=2 * pixels + 1, dtype=tf.int32)
    padded = tf.gather(padded, offset[0] + tf.range(height), axis=1, batch_dims=1)
    # Columns are gathered on the transposed picture, so that both gathers copy whole rows.
    turned = tf.transpose(padded, [0, 2, 1, 3])
    turned = tf.gather(turned, offset[1] + tf.range(width), axis=1, batch_dims=1)
    return tf.ensure_shape(tf.transpose(turned, [0, 2, 1, 3]), [count, height, width, images.shape[3]])


def cut_out(images: Any, side: int, seed: Any) -> Any:
    """Grey out a square of so many pixels a side, within the picture, in each of uint8 [B, H, W, C].

    A network that cannot rely on one part of an object looks at the others too (DeVries and Taylor 2017).
    """
    count, height, width = images.shape[0], images.shape[1], images.shape[2]
    place = tf.random.stateless_uniform([2, count, 1], seed)
    top = tf.cast(place[0] * (height - side + 1), tf.int32)
    left = tf.cast(place[1] * (width - side + 1), tf.int32)
    rows = (tf.range(height) >= top) & (tf.range(height) < top + side)
    columns = (tf.range(width) >= left) & (tf.range(width) < left + side)
    within = rows[:, :, None, None] & columns[:, None, :, None]
    return tf.where(within, tf.constant(GREY, images.dtype), images)
