"""The pages as scripts, without a browser."""

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]


def opened(page: str, **query: Any) -> AppTest:
    """Open a page under an address with this query, and see it drawn without an error."""
    app = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=300)
    app.switch_page(f"pages/{page}.py")
    for name, value in query.items():
        app.query_params[name] = value
    return checked(app)


def checked(app: AppTest) -> AppTest:
    """Draw a page, and see that it is without an error."""
    app.run()
    assert not app.exception
    return app
