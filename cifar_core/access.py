"""What a visitor may do on an app that others can reach: train, for how long, and have the app ask a server.

Each answer is a setting's. What is set wrongly allows nothing.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from cifar_core import settings
from cifar_core.errors import AccessError, JobError

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_FORWARDED = ("forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")


def refuse_unless_operator(email: str | None) -> None:
    """Raise AccessError unless this person may train, stop, resume and export.

    Parameters
    ----------
    email
        The address that a login has verified; None if nobody is logged in.
    """
    setting = settings.OPERATORS.value()
    if setting is None:
        return
    operators = {part.strip().casefold() for part in setting.split(",") if "@" in part}
    if not operators:
        raise AccessError("Training and exporting are switched off on this app.")
    if email is None:
        raise AccessError("Only some people may train and export on this app; log in.")
    if email.casefold() not in operators:
        raise AccessError(f"{email} may not train and export on this app; ask whoever runs it.")


def time_limit() -> float | None:
    """Return the seconds that a training may take at a stretch, or None; JobError if that is no number."""
    setting = settings.TRAINING_MINUTES.value()
    if setting is None:
        return None
    try:
        minutes = float(setting)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < 1e6:
        raise JobError(
            f"{settings.TRAINING_MINUTES.name} must be a number of minutes, not “{setting}”; nothing is "
            "trained."
        )
    return minutes * 60


def opened_here(peer: str | None, headers: Mapping[str, str]) -> bool:
    """Whether the app was opened from the machine it runs on.

    The connection comes from this machine, under a name of this machine, and nothing says that a proxy stands
    between. A proxy on this machine that hides all of that cannot be told; whoever runs one sets
    `CIFAR_LAB_SERVING_HOSTS`.

    Parameters
    ----------
    peer
        The address that the connection comes from; None for this machine, as Streamlit says.
    headers
        The headers of the request, their names in any case.
    """
    given = {name.lower(): value for name, value in headers.items()}
    names = [urlsplit(f"//{given.get('host', '')}").hostname]
    if "origin" in given:
        names.append(urlsplit(given["origin"]).hostname)
    return (
        (peer is None or peer in _LOOPBACK)
        and all(name in _LOOPBACK for name in names)
        and not any(name in given for name in _FORWARDED)
    )


def refuse_host(host: str, port: int | None, here: bool) -> None:
    """Raise AccessError unless the app may ask this server for a visitor.

    A page that fetches whatever address somebody types lets them reach what only the server can reach
    (server-side request forgery). So the answer is no, except where whoever runs the app allowed it, or where
    visitor and server are the same machine and nothing is gained.

    Parameters
    ----------
    host, port
        The server; None where its address names no port, which it must.
    here
        Whether the visitor sits at this machine (`opened_here`), who may ask this machine. Where
        `CIFAR_LAB_SERVING_HOSTS` is set, even empty, only what it names is allowed.
    """
    if port is None:
        raise AccessError("Give the port too, like http://localhost:8501.")
    named = settings.SERVING_HOSTS.value()
    if named is None:
        if here and host in _LOOPBACK:
            return
    elif {host, f"{host}:{port}"} & {part.strip().lower() for part in named.split(",")}:
        return
    raise AccessError(
        f"This app may not ask {host}:{port}. Opened on the machine it runs on, it asks localhost; "
        "whoever runs it can allow more. `python -m cifar_core serving check` asks any."
    )
