"""The graph of a model, and a copy of the model in memory that hands out more of what it computes.

ONNX is imported when it is needed: 4 MB and a fifth of a second, which only those pay who look inside.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

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


def with_outputs(path: Path, model: Any, names: Iterable[str]) -> Classifier:
    """Return a model that was read from a file, ready to answer for these tensors, too.

    Raises
    ------
    ModelDirectoryError
        If it is no such model as the app takes.
    """
    import onnx

    there = {output.name for output in model.graph.output}
    new = [name for name in dict.fromkeys(names) if name not in there]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in new)
    return Classifier(path, content=model.SerializeToString())
