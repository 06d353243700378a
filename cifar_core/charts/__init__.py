"""Every chart, as a function from numbers to an Altair chart."""

from cifar_core.charts.comparison import cleaner_test_sets, f1_by_class, who_is_right
from cifar_core.charts.confusion import confusion_cells, confusion_matrix
from cifar_core.charts.data import class_balance, pixel_values
from cifar_core.charts.evaluation import (
    coverage,
    deletion,
    per_class,
    probability_bars,
    reliability,
)
from cifar_core.charts.map import map_of_images, map_points, map_with_picture
from cifar_core.charts.palette import (
    HEIGHT,
    LARGE_HEIGHT,
    NEUTRAL,
    RIGHT,
    RUN_COLOURS,
    TRAINING,
    VALIDATION,
    WRONG,
)
from cifar_core.charts.robustness import robustness_by_family, robustness_by_kind
from cifar_core.charts.training import (
    Curve,
    Measure,
    Over,
    epochs_in_sight,
    frontier,
    learning_curves,
    thinned,
)

__all__ = [
    "HEIGHT",
    "LARGE_HEIGHT",
    "NEUTRAL",
    "RIGHT",
    "RUN_COLOURS",
    "TRAINING",
    "VALIDATION",
    "WRONG",
    "Curve",
    "Measure",
    "Over",
    "class_balance",
    "cleaner_test_sets",
    "confusion_cells",
    "confusion_matrix",
    "coverage",
    "deletion",
    "epochs_in_sight",
    "f1_by_class",
    "frontier",
    "learning_curves",
    "map_of_images",
    "map_points",
    "map_with_picture",
    "per_class",
    "pixel_values",
    "probability_bars",
    "reliability",
    "robustness_by_family",
    "robustness_by_kind",
    "thinned",
    "who_is_right",
]
