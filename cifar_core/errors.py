"""Everything that can go wrong for a user, as one tree.

CifarLabError
├── AccessError           somebody may not do this on this app
├── DatasetError          CIFAR-10 is missing, damaged or cannot be downloaded
├── CloudError            Google Cloud cannot be used, or does not have what is asked for
├── ImageError            a file is not a picture we can classify
├── ModelDirectoryError   a model or run is missing, damaged or misnamed
├── RecipeError           a hyper-parameter is out of its range
├── JobError              a run cannot be started, stopped, resumed or deleted now
├── ScaleError            a cluster or a sweep cannot be used
├── SourceError           a folder or a file of many pictures cannot be used
└── ServingError          a model cannot be exported, or an endpoint does not answer as it should

The message is one sentence for the person at the screen: what is wrong and what to do. The command line
prints it and exits with status 1, a page shows it in a box; neither shows a traceback.
"""


class CifarLabError(Exception):
    """Base of the errors whose message is meant for the user."""


class AccessError(CifarLabError):
    """Somebody may not do this on this app."""


class DatasetError(CifarLabError):
    """CIFAR-10 is missing, damaged or cannot be downloaded."""


class CloudError(CifarLabError):
    """Google Cloud cannot be used, or does not have what is asked for."""


class ImageError(CifarLabError):
    """A file is not a picture that can be classified."""


class ModelDirectoryError(CifarLabError):
    """A model or run is missing, damaged or misnamed."""


class RecipeError(CifarLabError):
    """A recipe is unknown or one of its numbers is out of range.

    `field` names the number that is to be changed, where it is one of them.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class JobError(CifarLabError):
    """A run cannot be started, stopped, resumed or deleted now."""


class ScaleError(CifarLabError):
    """A cluster or a sweep cannot be used."""


class SourceError(CifarLabError):
    """A folder or a file of many pictures cannot be used."""


class ServingError(CifarLabError):
    """A model cannot be exported, or an endpoint does not answer as it should."""
