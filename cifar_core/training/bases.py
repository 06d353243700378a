"""The networks that begin with what others learned: VGG16 of ImageNet, and a layer on any model here."""

from typing import Any

import keras
import numpy as np
from keras import layers

from cifar_core import settings
from cifar_core.errors import CifarLabError
from cifar_core.formats import printable
from cifar_core.recipe import IMAGENET
from cifar_core.runs import catalogue
from cifar_core.training.pretrained import vgg16_weights

# What VGG16's ImageNet weights expect subtracted from red, green and blue in [0, 255].
IMAGENET_MEAN = (123.68, 116.779, 103.939)
EMBEDDING = "embedding"


def vgg16(
    classes: int, side: int, hidden: int, dropout: float, size: int = 32, scale: float = 0.05
) -> keras.Model:
    """Build VGG16 without its top (Simonyan and Zisserman 2015), then a dense layer, dropout and the output.

    Parameters
    ----------
    hidden, dropout
        Units of the dense layer, and the share of them that is dropped.
    size
        Pixels that the picture is enlarged to first: VGG16's filters expect things larger than CIFAR-10's.
    scale
        What the head gets of each feature. They are of the order of 20; made as small as a head expects, they
        let it begin without the large errors that ruin the filters in its first steps.

    The largest activation of each of its last 512 filters, `EMBEDDING`, is what the head sees: at 32 pixels
    what its fifth pooling leaves.
    """
    inputs = keras.Input((side, side, 3), name="image")
    x = layers.Rescaling(scale)(_vgg16_embedding(inputs, size))
    x = layers.Dense(hidden, activation="relu", name="features")(x)
    x = layers.Dropout(dropout)(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="vgg16")


def _vgg16_embedding(inputs: Any, size: int) -> Any:
    """Put VGG16's convolutions behind pictures, enlarged to so many pixels, and `EMBEDDING` behind them."""
    # The scale its ImageNet weights were trained on; `load_imagenet` sees to the order of the channels.
    offset = [-mean for mean in IMAGENET_MEAN]
    scales = [255.0] * 3  # each its own, as Keras 3.11 takes a single one beside several offsets for grey
    x = layers.Rescaling(scales, offset, dtype="float32", name="standardise")(inputs)
    if size != inputs.shape[1]:
        x = layers.Resizing(size, size, dtype="float32", name="enlarge")(x)
    convolutions = keras.applications.VGG16(include_top=False, weights=None, input_tensor=x)
    return layers.GlobalMaxPooling2D(name=EMBEDDING)(convolutions.get_layer("block5_conv3").output)


def transfer(classes: int, side: int, base: str, size: int) -> keras.Model:
    """Build a linear layer on what another network sees in a picture.

    Parameters
    ----------
    base
        Whose features: `IMAGENET`, VGG16 as ImageNet left it, or the name of a model that is here.
    size
        Pixels a side that the base looks at.

    The features of the base, `EMBEDDING`, are standardised, as `standardise` finds them.
    """
    inputs = keras.Input((side, side, 3), name="image")
    x = _vgg16_embedding(inputs, size) if base == IMAGENET else _embedding_of(base, inputs)
    # Not `Normalization`: it would come out of the ONNX converter as two more inputs.
    standardised = layers.BatchNormalization(center=False, scale=False, epsilon=1e-5, name="features")
    standardised.trainable = False
    logits = layers.Dense(classes, kernel_initializer="zeros", dtype="float32", name="logits")
    return keras.Model(inputs, logits(standardised(x)), name="transfer")


def take_weights(model: keras.Model, base: str) -> None:
    """Give a network the weights of a trained model of the same kind, but for the output of other classes."""
    theirs = _loaded(base).weights
    below = len(keras.Model(model.input, model.get_layer("features").output).weights)
    if [weight.shape for weight in model.weights[:below]] != [weight.shape for weight in theirs[:below]]:
        raise CifarLabError(f"“{base}” is another network, whose weights do not fit; choose another start.")
    for own, their in zip(model.weights, theirs, strict=True):
        if own.shape == their.shape:
            own.assign(their)


def _loaded(base: str) -> keras.Model:
    """Return a trained model with its layer `features`."""
    directory = catalogue.find_model(base)
    try:
        model = keras.models.load_model(directory.keras_path, compile=False)
        model.get_layer("features")
        return model
    except Exception as error:  # whatever a damaged file makes Keras raise
        raise CifarLabError(
            f"{directory.keras_path.name} of “{base}” is missing or damaged; choose another base."
        ) from error


def _embedding_of(base: str, inputs: Any) -> Any:
    """Put a trained model behind pictures as far as its features, which become `EMBEDDING`."""
    model = _loaded(base)
    known = keras.Model(model.input, model.get_layer("features").output)
    if known.input.shape != inputs.shape:
        raise CifarLabError(
            f"“{base}” looks at pictures of {known.input.shape[1]} pixels a side, not of {inputs.shape[1]}; "
            "choose another base."
        )

    def renamed(layer: layers.Layer) -> layers.Layer:
        name = EMBEDDING if layer.name == "features" else f"base_{layer.name}"
        return type(layer).from_config({**layer.get_config(), "name": name})

    twin = keras.models.clone_model(known, input_tensors=inputs, clone_function=renamed)
    twin.set_weights(known.get_weights())
    return twin.output


def standardise(model: keras.Model, features: np.ndarray) -> None:
    """Let `transfer` bring each of its base's features, float32 [N, F], to mean 0 and deviation 1."""
    model.get_layer("features").set_weights([features.mean(axis=0), features.var(axis=0)])


def load_imagenet(model: keras.Model) -> None:
    """Give VGG16 its ImageNet weights."""
    path = vgg16_weights()
    try:
        imagenet = keras.applications.VGG16(include_top=False, weights=str(path))
    except Exception as error:  # whatever the file system and HDF5 have to say
        raise CifarLabError(
            f"VGG16's ImageNet weights could not be read from {printable(str(path))}; let "
            f"{settings.VGG16_WEIGHTS.name} name their file, without top."
        ) from error
    for source in imagenet.layers:
        if isinstance(source, layers.Conv2D):
            kernel, bias = source.get_weights()
            if source.name == "block1_conv1":
                kernel = kernel[:, :, ::-1]  # they expect blue first
            model.get_layer(source.name).set_weights([kernel, bias])


def split_at_embedding(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Return the pretrained part of a frozen network and the rest, from images to `EMBEDDING` to logits.

    Both share their weights with `model`, which may be `transfer`, too.
    """
    embedding = model.get_layer(EMBEDDING)
    inputs = x = keras.Input(embedding.output.shape[1:])
    for layer in model.layers[model.layers.index(embedding) + 1 :]:
        x = layer(x)
    return keras.Model(model.input, embedding.output), keras.Model(inputs, x)
