from typing import Any

from cifar_core.arrays import Images, Probabilities
from cifar_core.inference import stopwatch
from cifar_core.inference.runtime import Classifier
from cifar_core.paths import models_root


def test_the_time_is_that_of_single_images() -> None:
    seen: list[int] = []

    class Watched(Classifier):
        def probabilities(self, images: Images, *arguments: Any) -> Probabilities:
            seen.append(len(images))
            return super().probabilities(images, *arguments)

    timing = stopwatch.time_one_image(Watched(models_root() / "quick" / "model.onnx"))
    assert seen == [1] * (stopwatch.TIMED_IMAGES + stopwatch.WARM_UP_IMAGES)
    assert timing.seconds > 0
