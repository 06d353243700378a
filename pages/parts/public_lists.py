"""What the public lists say about the test images, read anew where other lists have come."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from cifar_core.annotations import image_notes, lists, sources
from cifar_core.annotations.image_notes import Notes
from cifar_core.evaluation import findings
from cifar_core.files import Written, written


@dataclass(frozen=True)
class PublicLists:
    """The public lists about the test images, as they are on this machine: others are other lists.

    Each method raises DatasetError if a list is damaged.
    """

    files: Written

    @st.cache_resource(max_entries=2, show_spinner=False)
    def notes(self) -> Notes:
        """Return what they say about each image."""
        return image_notes.load()

    @st.cache_data(max_entries=2, show_spinner=False)
    def cleaner_test_sets(self) -> dict[str, np.ndarray]:
        """Return the parts of the test set that are left without doubtful images, bool [10000] by name."""
        return lists.cleaner_test_sets()

    @st.cache_data(max_entries=2, show_spinner=False)
    def parts_of_test_set(self) -> dict[str, np.ndarray]:
        """Return the test set whole and in the parts that they tell apart, bool [10000] by name."""
        return findings.parts_of_test_set()


def here() -> PublicLists:
    """Return the lists that are here; DatasetError if the setting that says where names no folder."""
    folder = sources.folder()
    return PublicLists(written(*(folder / source.name for source in sources.SOURCES)))
