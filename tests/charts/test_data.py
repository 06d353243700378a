"""The balance of a dataset, and a picture as numbers."""

import numpy as np
import pandas as pd

from cifar_core import charts
from tests.charts import rows_of


def test_the_balance_has_a_bar_a_class_and_set() -> None:
    counts = pd.DataFrame({"class": ["cat", "cat"], "set": ["test", "training"], "images": [1_000, 5_000]})
    specification = charts.class_balance(counts).to_dict()
    assert rows_of(specification) == counts.to_dict("records")
    assert specification["encoding"]["x"]["sort"] == ["cat"]


def test_the_values_of_a_picture_stand_where_its_pixels_do() -> None:
    image = np.arange(24.0).reshape(2, 4, 3) / 24
    specification = charts.pixel_values(image, 1).to_dict()
    rows = rows_of(specification)
    assert [(row["y"], row["x"], row["value"]) for row in rows] == [
        (y, x, image[y, x, 1]) for y in range(2) for x in range(4)
    ]
