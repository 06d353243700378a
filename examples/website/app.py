"""A website that asks a served model what is on a picture, and keeps no picture.

    pip install -r requirements.txt
    MODEL_URL=http://localhost:8501/v1/models/fast flask run --port 8000

`MODEL_URL` is a model on TensorFlow Serving. It may be an endpoint on Vertex AI as well, as Google's REST API
has it, https://REGION-aiplatform.googleapis.com/v1/projects/PROJECT/locations/REGION/endpoints/NUMBER; that
takes `pip install google-auth`, and pictures of 1 MB at most: `MEGABYTES=1`.
"""

import base64
import json
import os
import time
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests
import urllib3
from flask import Flask, Response, abort, render_template, request
from werkzeug.exceptions import HTTPException

MODEL_URL = os.environ.get("MODEL_URL", "http://localhost:8501/v1/models/fast").rstrip("/")
MEGABYTES = float(os.environ.get("MEGABYTES", "10"))  # of a picture
SECONDS = float(os.environ.get("SECONDS", "20"))  # that an answer may take
MAX_ANSWER = 1_000_000  # bytes; that of a model of ten classes has 500
NONSENSE = "The model's server did not answer as a model exported from CIFAR Lab does."
LATE = f"The model did not answer within {SECONDS:g} seconds; try again in a minute."
BUSY = "The model is not ready, or has too much to do; try again in a minute."
UNREADABLE = "The model cannot read this picture; save it again as JPEG or PNG, not in CMYK."
TOO_LARGE = f"This picture is too large; choose one of {MEGABYTES:g} MB at most."
MODEL_SAYS = {
    400: (422, UNREADABLE),
    413: (413, TOO_LARGE),
    404: (503, BUSY),
    429: (503, BUSY),
    503: (503, BUSY),
}
FLASK_SAYS = {
    404: "There is no such page; the only one is at /.",
    405: "This page takes one picture at a time, and nothing else.",
    413: TOO_LARGE,
    500: "Something went wrong on this website; its log says what.",
}

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = int(MEGABYTES * 1024**2) + 10_000  # with the form around the picture


def connect(url: str) -> tuple[requests.Session, str]:
    """Return what asks a model, and the address that takes pictures."""
    if not (urlsplit(url).hostname or "").endswith(".googleapis.com"):
        session = requests.Session()
        session.trust_env = False  # no proxy stands before what is in one's own network
        return session, f"{url}:predict"
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    return AuthorizedSession(credentials), f"{url}:rawPredict"  # Google's `:predict` knows one signature only


session, predict_url = connect(MODEL_URL)


def ask(picture: bytes) -> bytes:
    """Return what the model's server answers about a JPEG or PNG file."""
    instance = {"b64": base64.b64encode(picture).decode()}
    body: dict[str, Any] = {"signature_name": "classify_bytes", "instances": [instance]}
    how: dict[str, Any] = {"timeout": (3, SECONDS), "stream": True, "allow_redirects": False}
    content, deadline = b"", time.monotonic() + SECONDS
    try:
        with session.post(predict_url, json=body, headers={"Accept-Encoding": "identity"}, **how) as answer:
            while piece := answer.raw.read1(65_536):
                content += piece
                if time.monotonic() > deadline:
                    abort(504, LATE)
                if len(content) > MAX_ANSWER:
                    refuse(content)
    except (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError):
        abort(504, LATE)
    except (OSError, urllib3.exceptions.HTTPError):  # as those of requests are
        abort(502, "The model's server does not answer; try again in a minute.")
    return content if answer.status_code == 200 else refuse(content, answer.status_code)


def understand(content: bytes) -> dict[str, Any]:
    """Return an answer's class, all classes with their probabilities, and its doubt, none of it believed."""
    try:
        [row] = json.loads(content)["predictions"]
        name, names, probabilities, doubt = (
            row[key] for key in ("class", "classes", "probabilities", "none_of_these")
        )
        likeliest = sorted(zip(names, probabilities, strict=True), key=lambda pair: -pair[1])
        sound = (
            all(isinstance(each, str) and each.encode() for each in names)  # half a character has no code
            and all(0 <= each <= 1 for each in probabilities)  # nor is NaN
            and abs(sum(probabilities) - 1) < 0.01
            and dict(likeliest)[name] == likeliest[0][1]
            and isinstance(doubt, bool)
        )
    except (LookupError, TypeError, ValueError, RecursionError):
        sound = False
    return {"name": name, "likeliest": likeliest, "doubt": doubt} if sound else refuse(content)


def refuse(content: bytes, status: int = 200) -> NoReturn:
    """Tell the log what the model's server answered, and the visitor what that means."""
    app.logger.warning("The model's server answered with %d: %r", status, content[:500])
    abort(*MODEL_SAYS.get(status, (502, NONSENSE)))


@app.before_request
def refuse_other_websites() -> None:
    """Refuse what another website made a visitor's browser send; browsers say where it comes from."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    here = (None, f"http://{request.host}", f"https://{request.host}")
    ours = site in ("same-origin", "none") if site else origin in here
    if request.method == "POST" and not ours:
        abort(403, "Another website sent this picture; choose it here instead.")


@app.after_request
def allow_no_more(response: Response) -> Response:
    """Let the page load nothing from elsewhere, and be neither framed nor kept."""
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src blob: data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


@app.errorhandler(HTTPException)
def say(error: HTTPException) -> tuple[str, int]:
    """Show an error as a sentence on the page."""
    status = error.code or 500
    return page(error=FLASK_SAYS.get(status, error.description)), status


@app.get("/")
def page(**shown: Any) -> str:
    """Show the page, with an answer or an error if there is one."""
    return render_template("index.html", megabytes=MEGABYTES, too_large=TOO_LARGE, **shown)


@app.post("/")
def classify() -> str:
    """Answer about the picture that was sent."""
    file = request.files.get("picture")
    picture = file.read() if file else b""
    if not picture:
        abort(422, "Choose a picture first.")
    if not picture.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        abort(415, "This file is no JPEG or PNG; save the picture as one of these.")
    return page(answer=understand(ask(picture)))
