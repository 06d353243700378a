"""Why a connection brought nothing, in words: whose fault it is, and which setting helps.

What `requests` and `urllib3` raise says so in the exceptions that it was made of, seldom in its own kind.
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import get_environ_proxies, select_proxy

CERTIFICATES = "REQUESTS_CA_BUNDLE"
_PROXIES = (
    requests.exceptions.ProxyError,
    requests.exceptions.InvalidProxyURL,
    urllib3.exceptions.ProxyError,
    urllib3.exceptions.ProxySchemeUnknown,
)
_WRONG_ADDRESSES = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)  # SOCKS, too
_UNREACHED = urllib3.exceptions.NewConnectionError  # of a name that is not known, too; a kind of timeout
# https://docs.openssl.org/master/man1/openssl-verification-options/
_TOO_EARLY, _TOO_LATE, _OTHER_NAMES = 9, 10, (62, 64)


@dataclass(frozen=True)
class Fault:
    """What is in the way.

    `reason` says it in a few words, `cure` what anybody can do about it, a clause or "", `advice` what who
    runs this machine can: it may name environment variables. Where the server has not `answered`, it will not
    for another file either.
    """

    reason: str
    cure: str = "wait a while"
    advice: str = ""
    answered: bool = True


_WAY_OUT = "Where a network lets out through a proxy only, HTTPS_PROXY has to name it."
NOBODY = Fault("no connection", "check the network", _WAY_OUT, answered=False)
LATE = Fault("no answer in time", "check the network", _WAY_OUT, answered=False)
INSECURE = Fault("no secure connection", "check the network", answered=False)
BROKEN = Fault("the connection broke off", "", answered=False)


def explain(error: Exception, url: str = "") -> Fault:
    """Return what was in the way of a request to `url`, by the exception that it ended in."""
    proxied = bool(url and select_proxy(url, get_environ_proxies(url)))
    fault = _fault(list(_causes(error)), proxied)
    asked = getattr(getattr(error, "request", None), "url", None)
    host, asked_host = urlsplit(url).hostname, urlsplit(asked or "").hostname
    if asked_host and host and asked_host != host:
        return replace(fault, reason=f"{fault.reason} at {asked_host}, where it sends")
    return fault


def refused_by_proxy(status: str = "") -> Fault:
    """Return the fault of a proxy that lets nothing through."""
    advice = "It is the one that HTTPS_PROXY, or else the settings of the system, name: correct it there, "
    if status == "407":
        return Fault(
            "the proxy refuses (407)",
            "log in to the proxy",
            f"{advice}as http://USER:PASSWORD@HOST:PORT.",
            answered=False,
        )
    return Fault(
        f"the proxy refuses ({status})" if status else "the proxy refuses",
        "correct or switch off the proxy",
        f"{advice}or let NO_PROXY name the hosts that need none.",
        answered=False,
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that it was made of."""
    left, seen = [error], set[int]()
    while left:
        found = left.pop(0)
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        parts = (found.__cause__, found.__context__, getattr(found, "reason", None), *found.args)
        left += [part for part in parts if isinstance(part, BaseException)]


def _fault(causes: list[BaseException], proxied: bool) -> Fault:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(cause)
        if isinstance(cause, OSError) and ("TLS CA" in str(cause) or "[X509" in str(cause)):
            return Fault(
                "the file of trusted certificates cannot be read",
                "correct its name",
                f"{CERTIFICATES} names it: a file of certificates in PEM format.",
                answered=False,
            )
    told = next((str(cause) for cause in causes if "Tunnel connection failed" in str(cause)), "")
    if told:
        return refused_by_proxy("".join(filter(str.isdigit, told.rpartition("failed:")[2]))[:3])
    wrong_address = any(isinstance(cause, _WRONG_ADDRESSES) or type(cause) is ValueError for cause in causes)
    if any(isinstance(cause, _PROXIES) for cause in causes) or (wrong_address and proxied):
        return replace(refused_by_proxy(), reason="the proxy cannot be used")
    if wrong_address or any(isinstance(cause, requests.TooManyRedirects) for cause in causes):
        return Fault("it only sends elsewhere")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return INSECURE
    if any(isinstance(cause, _UNREACHED) for cause in causes):
        return NOBODY
    if any(isinstance(cause, requests.Timeout | urllib3.exceptions.TimeoutError) for cause in causes):
        return LATE
    if any(isinstance(cause, urllib3.exceptions.HTTPError | ConnectionError) for cause in causes):
        return replace(BROKEN, advice=refused_by_proxy().advice) if proxied else BROKEN
    return NOBODY


def _untrusted(error: ssl.SSLCertVerificationError) -> Fault:
    fault = Fault("its certificate is not trusted", "let this machine trust it", answered=False)
    if error.verify_code in (_TOO_EARLY, _TOO_LATE):
        when = "no longer valid" if error.verify_code == _TOO_LATE else "not valid yet"
        return replace(fault, reason=f"its certificate is {when}", cure="check this machine's date")
    if error.verify_code in _OTHER_NAMES:
        return replace(
            fault,
            reason="its certificate is another server's",
            cure="log in to the network in a browser, if it asks for that",
        )
    return replace(
        fault,
        advice=f"Where a network puts its own certificate in between, {CERTIFICATES} has to name the file of "
        "certificates that its administrators give; SSL_CERT_FILE is not read.",
    )
