"""What a visitor may do on an app that others can reach: train, for how long, and have the app ask a server.

Each answer is a setting's. What is set wrongly allows nothing; where nothing is set, only who sits at the
machine that runs the app may change anything.
"""

import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from cifar_core import settings
from cifar_core.errors import AccessError, JobError

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_FORWARDED = ("forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
# Names that nobody on the internet can have (RFC 6761, 6762 and 8375, and ICANN for `.internal`).
_NOBODYS = (".localhost", ".local", ".internal", ".home.arpa")


def refuse_unless_operator(email: str | None, *, here: bool) -> None:
    """Raise AccessError unless this person may train, stop, resume, delete, download and export.

    Parameters
    ----------
    email
        The address that a login has verified; None if nobody is logged in.
    here
        Whether the visitor sits at this machine (`opened_here`), which is enough where
        `CIFAR_LAB_OPERATORS` is not set.
    """
    setting = settings.OPERATORS.value()
    if setting is None:
        if here:
            return
        raise AccessError(
            "All may look and classify here; only who opens this app on its own machine, as localhost, may "
            "train, export or change anything. Whoever runs it can allow more: "
            f"{settings.OPERATORS.name}=everybody, or the e-mail addresses of some."
        )
    if setting.strip().casefold() == "everybody":
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
    names = [_name_in(f"//{given.get('host', '')}")]
    if "origin" in given:
        names.append(_name_in(given["origin"]))
    address = _address(peer)
    from_here = address is not None and address.is_loopback
    return from_here and all(name in _LOOPBACK for name in names) and not forwarded(headers)


def forwarded(headers: Mapping[str, str]) -> bool:
    """Whether a proxy says that it stands between; no website can make a browser's WebSocket say so."""
    return not {name.lower() for name in headers}.isdisjoint(_FORWARDED)


def foreign_name(peer: str | None, headers: Mapping[str, str]) -> str | None:
    """Return the name by which the app was called, if a foreign website may have pointed it here; else None.

    Any website can have its own name lead to an address in the visitor's network, and the visitor's browser
    then takes this app for a part of that website (DNS rebinding). Such a visit comes straight from this
    machine or a private network, under a name that somebody on the internet can own. Behind a proxy, or from
    the internet, such a name is usual, and pointing it here gains nothing.

    Parameters
    ----------
    peer
        The address that the connection comes from; None for this machine.
    headers
        The headers of the request, their names in any case.
    """
    given = {name.lower(): value for name, value in headers.items()}
    name = _name_in(f"//{given.get('host', '')}").rstrip(".")
    is_address = ":" in name or name.rpartition(".")[2].isdigit()
    ours = is_address or "." not in name or name.endswith(_NOBODYS) or name == socket.gethostname().lower()
    address = _address(peer)
    from_internet = address is not None and address.is_global
    return None if ours or from_internet or forwarded(headers) else name


def _name_in(url: str) -> str:
    """Return the host that an address names, in small letters; "" where it names none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # half a bracket
        return ""


def _address(peer: str | None) -> IPv4Address | IPv6Address | None:
    """Return where a connection comes from, IPv4 also where an IPv6 socket took it; None for no address."""
    try:
        address = ip_address(peer or "::1")
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


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
