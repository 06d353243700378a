"""What does training the report's CNN look like in plain Keras? The script we are measured against.

    python -m benchmarks.plain_keras [--epochs 60]

Written from the report as a user would write it: arrays in memory, Keras' own layers, `fit`, nothing tuned.
"""

from typing import Any

import keras
import typer
from keras import layers

from cifar_core.datasets import cifar10
from cifar_core.datasets.dataset import Batch


def prepared(batch: Batch) -> tuple[Any, Any]:
    """Scale the images to [0, 1] and make the labels one-hot."""
    return batch.images.astype("float32") / 255, keras.utils.to_categorical(batch.labels, 10)


def network() -> keras.Model:
    """Build the report's CNN and compile it."""
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for filters, dropout in ((32, 0.25), (64, 0.3), (128, 0.35), (256, 0.4)):
        model.add(layers.Conv2D(filters, (3, 3), padding="same", activation="relu"))
        model.add(layers.BatchNormalization())
        model.add(layers.Conv2D(filters, (3, 3), padding="same", activation="relu"))
        model.add(layers.BatchNormalization())
        model.add(layers.MaxPooling2D((2, 2)))
        model.add(layers.Dropout(dropout))
    model.add(layers.Flatten())
    model.add(layers.Dense(256, activation="relu"))
    model.add(layers.BatchNormalization())
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(keras.optimizers.Adam(1e-3), loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def main(epochs: int = 60) -> None:
    """Train the report's CNN in plain Keras and print its test accuracy; it takes an hour or two."""
    x_train, y_train = prepared(cifar10.load_train())
    x_test, y_test = prepared(cifar10.load_test())
    model = network()
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=10, restore_best_weights=True)
    model.fit(
        x_train, y_train, batch_size=64, epochs=epochs, validation_data=(x_test, y_test), callbacks=[stop]
    )
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test accuracy {accuracy:.4f}, loss {loss:.4f}")


if __name__ == "__main__":
    typer.run(main)
