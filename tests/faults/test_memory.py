"""A thousand pictures later the app holds no more than before."""

import io

import psutil
from PIL import Image

from cifar_core import images, paths
from cifar_core.evaluation import ood_sets
from cifar_core.inference.classify import calibration_of, classify
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory


def test_memory_does_not_grow_over_a_thousand_classifications() -> None:
    model = ModelDirectory(paths.models_root() / "quick")
    classifier, calibration = Classifier(model.onnx_path), calibration_of(model)
    file = io.BytesIO()
    Image.fromarray(ood_sets.photographs(1)[0]).resize((640, 480)).save(file, "JPEG")
    process, held = psutil.Process(), []
    for number in range(1_200):
        _, looks = images.load(file.getvalue())
        classify(classifier, calibration, [looks])
        if number in (199, 1_199):
            held.append(process.memory_info().rss)
    assert held[1] - held[0] < 10_000_000
