"""Call Google's functions by name, or print the calls in a dry run; and say in a sentence what went wrong.

Google's libraries are an optional requirement (`requirements-cloud.txt`). They take seconds to import, so the
first call does it. A dry run needs no libraries, no credentials and no network.
"""

import contextlib
import importlib
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cifar_core.errors import CloudError


class Place(NamedTuple):
    """Where on Google Cloud: the id of a project, a region such as europe-west4, and the name of a bucket."""

    project: str
    region: str
    bucket: str = ""


class Named(str):
    """What a dry run has in place of a call's result: the name of a variable."""

    __slots__ = ()
    __repr__ = str.__str__


class Calls:
    """Google's functions by their names: each call is made, or in a dry run printed.

    Parameters
    ----------
    dry_run
        Print the calls and make none.
    show
        What prints a line.
    """

    def __init__(self, dry_run: bool = False, show: Callable[[str], None] = print) -> None:
        self.dry_run = dry_run
        self._show = show

    def __call__(self, function: str, /, of: Any = None, result: Any = None, **arguments: Any) -> Any:
        """Call a function, `aiplatform.Model.upload`, or with `of` a method of that object, `model.delete`.

        Parameters
        ----------
        function
            Its name; of a method, the part before the dot is only for the reader.
        of
            The object that the method belongs to.
        result
            What a dry run goes on with: a `Named`, a list of them, or some other stand-in.
        **arguments
            The call's own.

        Raises
        ------
        CloudError
            If the library is not installed.
        """
        if self.dry_run:
            told = ", ".join(f"{name}={_brief(value)}" for name, value in arguments.items())
            known = f"{result!r} = " if result and isinstance(result, Named | list) else ""
            self._show(f"{known}{function}({told})" + ("  # suppose there is none" if result == [] else ""))
            return result
        owner, *path = function.split(".")
        target = _library(owner) if of is None else of
        for name in path:
            target = getattr(target, name)
        return target(**arguments)


@contextlib.contextmanager
def plain_errors(project: str, bucket: str = "") -> Iterator[None]:
    """Turn what Google's libraries raise into one sentence, a `CloudError`."""
    try:
        yield
    except Exception as error:
        if sentence := _explained(error, project, bucket):
            raise CloudError(sentence) from error
        raise


def _explained(error: Exception, project: str, bucket: str) -> str:
    try:
        from google.api_core import exceptions as api
        from google.auth import exceptions as auth
        from requests import RequestException
    except ModuleNotFoundError:
        return ""  # then it is not theirs
    whole = str(getattr(error, "message", error)).strip()
    told = re.split(r"\.\s|\n", re.sub(r"^[A-Z]+ https?://\S+: ", "", whole))[0].rstrip(".")  # a sentence
    match error:
        case auth.DefaultCredentialsError() | auth.RefreshError() | api.Unauthenticated():
            return (
                "There are no valid credentials for Google Cloud; `gcloud auth application-default login` "
                f"makes them ({told})."
            )
        case auth.TransportError() | api.RetryError() | api.ServiceUnavailable() | RequestException():
            return f"Google Cloud cannot be reached; check the network ({told})."
        case api.NotFound() if bucket and f"/b/{bucket}/" in whole:  # Cloud Storage's address
            return f"There is no bucket “{bucket}”; `gcloud storage buckets create` makes one."
        case api.Forbidden():  # PermissionDenied too
            return (
                f"Google Cloud does not let you; check the project “{project}”, that its Vertex AI API is "
                f"enabled, and your roles in it ({told})."
            )
        case auth.GoogleAuthError() | api.GoogleAPIError():
            return f"Google Cloud refused: {told}."
    return ""


def _library(name: str) -> Any:
    if name == "aiplatform":
        # Its own handler, which it leaves out where there is one, would print progress among our results.
        progress = logging.getLogger("google.cloud.aiplatform")
        if not progress.handlers:
            progress.addHandler(logging.StreamHandler())
    try:
        return importlib.import_module(f"google.cloud.{name}")
    except ModuleNotFoundError as error:
        raise CloudError(
            "Google's libraries are not installed; `pip install -r requirements-cloud.txt` installs them."
        ) from error


def _brief(value: Any) -> str:
    """Write an argument as Python does; of a list only the first item, and how many there are."""
    if isinstance(value, list) and value:
        return f"[{_brief(value[0])}" + (f", … {len(value)} in all]" if value[1:] else "]")
    return repr(value)
