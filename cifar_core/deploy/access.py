"""Which endpoints the app may ask for a visitor, so that a hosted app is no door to its own network.

A page that fetches whatever address a stranger types lets them reach what only the server can reach
(server-side request forgery). So the answer is no, except where it was allowed by whoever runs the app, or
where visitor and server are the same machine and nothing is gained.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from cifar_core.deploy.serving import Address
from cifar_core.errors import ServingError

VARIABLE = "CIFAR_LAB_SERVING_HOSTS"  # or of Streamlit's secrets: host or host:port, with commas

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_FORWARDED = ("forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")


def opened_here(peer: str | None, headers: Mapping[str, str]) -> bool:
    """Whether the app was opened from the machine it runs on.

    The connection comes from this machine, under a name of this machine, and nothing says that a proxy stands
    between. A proxy on this machine that hides all of that cannot be told; whoever runs one sets `VARIABLE`.

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


def refuse_unless_allowed(address: Address, named: str | None, here: bool) -> None:
    """Raise ServingError unless the app may ask this endpoint.

    Parameters
    ----------
    address
        The endpoint, whose port must be said.
    named
        The content of `VARIABLE`, HOST or HOST:PORT with commas between; where it is set, even empty,
        nothing else is allowed.
    here
        Whether the visitor sits at this machine (`opened_here`), who may ask this machine.
    """
    if address.port is None:
        raise ServingError("Give the port too, like http://localhost:8501.")
    if named is None:
        if here and address.host in _LOOPBACK:
            return
    elif {address.host, f"{address.host}:{address.port}"} & {
        part.strip().lower() for part in named.split(",")
    }:
        return
    raise ServingError(
        f"This app may not ask {address.host}:{address.port}. Opened on the machine it runs on, it asks "
        f"localhost; other hosts must stand in {VARIABLE}. `python -m cifar_core serving check` asks any."
    )
