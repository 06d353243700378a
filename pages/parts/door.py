"""What comes in at all: one layer in front of every request, which `streamlit_app.py` gives to the server.

By itself Streamlit answers under whatever name it is called, lets any website show it in a frame, and holds
whatever is uploaded until the visitor is gone.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.runtime import get_instance
from streamlit.runtime.stats import CacheStat

from cifar_core import access, formats, hardware

_UPLOADS = "/_stcore/upload_file/"
_LONGEST = 253  # characters of a name


class Door:
    """ASGI middleware: who is refused, what goes with every answer, and how much may be uploaded.

    - A name that a foreign website may have pointed here is refused (`access.foreign_name`), unless
      `server.allowedHosts` says which names are right: then Streamlit itself refuses all others.
    - No browser takes an answer for another type than it has. None shows the app in another website's frame,
      where clicks could be led; behind a proxy that is left to the host, as some show apps in frames.
    - Uploads never hold more memory than they leave free.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._arriving = 0  # bytes that are being uploaded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request or WebSocket in, or say why not."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers, client = Headers(scope=scope), scope.get("client")

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                sent["X-Content-Type-Options"] = "nosniff"
                if not access.forwarded(headers):
                    sent["X-Frame-Options"] = "SAMEORIGIN"
            await send(message)

        name = access.foreign_name(client[0] if client else None, headers)
        if name is not None and not config.get_option("server.allowedHosts"):
            # Of it a WebSocket gets the refusal only.
            await PlainTextResponse(_say_wrong_name(name), 421)(scope, receive, answer)
        elif scope["type"] == "http" and scope["method"] == "PUT" and _UPLOADS in scope["path"]:
            await self._upload(headers, scope, receive, answer)
        else:
            await self._app(scope, receive, answer)

    async def _upload(self, headers: Headers, scope: Scope, receive: Receive, send: Send) -> None:
        """Take an upload if there is room for it."""
        length = headers.get("content-length", "")
        if not length.isdecimal():  # every browser says it
            await PlainTextResponse("Say how long the file is.", 411)(scope, receive, send)
            return
        size = int(length)
        if _held() + 2 * (self._arriving + size) > hardware.free_memory():
            await PlainTextResponse("There is no memory for more files now.", 413)(scope, receive, send)
            return
        self._arriving += size
        try:
            await self._app(scope, receive, send)
        finally:
            self._arriving -= size


def _held() -> int:
    """Return the bytes of all uploads that are in memory."""
    families = get_instance().uploaded_file_mgr.get_stats().values()
    return sum(stat.byte_length for family in families for stat in family if isinstance(stat, CacheStat))


def _say_wrong_name(name: str) -> str:
    name = formats.printable(name[:_LONGEST])
    return (
        f"This app does not answer to the name {name}: any website can make its own name lead here, and "
        "your browser would take the app for a part of it. Use localhost or the machine's address. Whoever "
        f"runs the app can allow the name: streamlit run streamlit_app.py --server.allowedHosts {name}"
    )
