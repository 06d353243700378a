"""The pages as scripts, without a browser."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.runtime import context
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]


def _run_entry(path: str) -> None:
    exec(compile(Path(path).read_text(), path, "exec"), {"__name__": "__main__", "__file__": path})


# Before each run AppTest forgets that the app calls st.navigation, sees a folder named pages, and runs the
# page alone, as Streamlit once did. A server runs streamlit_app.py, which runs the page.
script_runner._mpa_v1 = _run_entry  # type: ignore[assignment]


def come_from(monkeypatch: pytest.MonkeyPatch, peer: str, **headers: str) -> None:
    """Have whoever opens a page come from this address, with these headers."""
    client = SimpleNamespace(remote_ip=peer, headers=list(headers.items()), cookies={})
    monkeypatch.setattr(context, "_get_client_context", lambda: client)


def opened(page: str, **query: Any) -> AppTest:
    """Open a page under an address with this query, and see it drawn without an error."""
    return checked(addressed(page, **query))


def addressed(page: str, **query: Any) -> AppTest:
    """Return the app at the address of a page with this query, not drawn yet."""
    app = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=300)
    app.switch_page(f"pages/{page}.py")
    for name, value in query.items():
        app.query_params[name] = value
    return app


def checked(app: AppTest) -> AppTest:
    """Draw a page, and see that it is without an error."""
    app.run()
    assert not app.exception
    return app
