"""The graph of a model, and a copy of the model in memory that hands out more of what it computes.

ONNX is imported when it is needed: 4 MB and a fifth of a second, which only those pay who look inside.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from cifar_core.errors import ModelDirectoryError
from cifar_core.inference.runtime import Classifier


def read(path: Path) -> Any:
    """Return the `onnx.ModelProto` of a `model.onnx`, which may be anybody's.

    Its nodes come in the order of the computation, none depends on itself, and each has the inputs that its
    kind needs.

    Raises
    ------
    ModelDirectoryError
        If the file is missing or damaged.
    """
    import onnx

    try:
        onnx.checker.check_model(str(path))  # by its path, beside which further files of weights may lie
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # whatever a damaged file makes the parser raise
        raise ModelDirectoryError(
            f"The model file of “{path.parent.name}” is missing or damaged; train it again."
        ) from error
    return model


class Opened(NamedTuple):
    """A model's `onnx.GraphProto`, and the model ready to answer for tensors inside, too."""

    network: Any
    classifier: Classifier


def opened(path: Path, *find: Callable[[Any], Iterable[str]]) -> Opened:
    """Open a `model.onnx` so that it can be asked for what lies inside.

    Parameters
    ----------
    path
        The file.
    find
        Each returns the names of tensors of a graph, which the model then hands out.

    Raises
    ------
    ModelDirectoryError
        If the file is missing, damaged or not such a model as the app takes.
    """
    import onnx

    model = read(path)
    there = {output.name for output in model.graph.output}
    names = dict.fromkeys(name for each in find for name in each(model.graph) if name not in there)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return Opened(model.graph, Classifier(path, content=model.SerializeToString()))
