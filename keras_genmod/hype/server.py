"""Serves a study to a browser on this machine, and to nothing else."""

import http.server
import importlib.resources
import json
import secrets
import sys
import traceback
from collections.abc import Callable
from typing import Any

from keras_genmod import checks
from keras_genmod.hype.report import OutOfTurn, Report, UnknownEvaluator
from keras_genmod.hype.results_page import results_page
from keras_genmod.hype.study import Study

ADDRESS = "127.0.0.1"
LARGEST_BODY = 4096  # bytes
_SILENCE = 30  # seconds that a connection may say nothing
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/study.css": ("study.css", "text/css; charset=utf-8"),
    "/study.js": ("study.js", "text/javascript; charset=utf-8"),
    "/display.js": ("display.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Embedder-Policy": "require-corp",  # with the next, finer clocks
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class StudyServer(http.server.ThreadingHTTPServer):
    """A server of one study at 127.0.0.1.

    It answers a fixed list of paths and opens no file by a name that it is sent.
    Requests by another name of this machine (DNS rebinding), from pages of other
    origins, too large or cut off are refused.

    Args:
        study: A `Study`.
        port: Integer; 0 takes a free one.

    Raises:
        OSError: If the port is taken.

    Example:
        ```python
        # Not run by the tests: it serves until Ctrl-C.
        with StudyServer(study) as server:
            print(server.url, server.results_url)
            server.serve_forever()
        ```
    """

    daemon_threads = True
    # Another program must not listen at the same port.
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, study: Study, port: int = 0):
        if not isinstance(study, Study):
            raise ValueError(f"`study` must be a Study. Received: study={study!r}")
        checks.integer("port", port, 0, 65535)
        self.study = study
        self.results_key = secrets.token_urlsafe(12)
        root = importlib.resources.files("keras_genmod.hype") / "static"
        self.files = {
            path: ((root / name).read_bytes(), kind)
            for path, (name, kind) in _FILES.items()
        }
        super().__init__((ADDRESS, port), _Handler)

    @property
    def port(self) -> int:
        """The port."""
        return self.server_address[1]

    @property
    def url(self) -> str:
        """Where people take part."""
        return f"http://{ADDRESS}:{self.port}/"

    @property
    def results_url(self) -> str:
        """Where the results are, which those who take part should not see."""
        return f"{self.url}results/{self.results_key}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says what went wrong, unless a browser merely went away."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            traceback.print_exc()


def serve(study: Study, port: int = 0, say: Callable[[str], None] = print) -> None:
    """Serves a study until Ctrl-C.

    Args:
        study: A `Study`.
        port: Integer; 0 takes a free one.
        say: Function that is told where to look.
    """
    with StudyServer(study, port) as server:
        say(f"Take part at   {server.url}")
        say(f"Results are at {server.results_url}")
        say("Only this machine sees them. Ctrl-C ends it; the study can go on later.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("Stopped. Every answer is kept.")


class _Refused(Exception):
    """A request that gets no more than a number and a line."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class _Handler(http.server.BaseHTTPRequestHandler):
    server: StudyServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "keras_genmod", ""
    timeout = _SILENCE

    def do_GET(self):
        self._answer(self._get)

    def do_HEAD(self):
        self._answer(self._get)

    def do_POST(self):
        self._answer(self._post)

    def log_message(self, *_: Any) -> None:
        """Keeps nothing of who asked for what."""

    def _answer(self, method: Callable[[], tuple[bytes, str]]) -> None:
        try:
            self._check_origin()
            body, kind = method()
            status = 200
        except _Refused as error:
            status, self.close_connection = error.status, True
            body, kind = _json({"error": str(error)})
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _check_origin(self) -> None:
        """Refuses what a page of another site can make a browser send here."""
        port = self.server.port
        hosts = {f"{name}:{port}" for name in (ADDRESS, "localhost")}
        if self.headers.get_all("Host", []) not in [[host] for host in hosts]:
            raise _Refused(421, f"This is {self.server.url} and nothing else.")
        origin = self.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in hosts}:
            raise _Refused(403, "Pages of other origins may not ask.")
        if self.headers.get("Sec-Fetch-Site") not in (None, "same-origin", "none"):
            raise _Refused(403, "Pages of other origins may not ask.")

    def _get(self) -> tuple[bytes, str]:
        if self.path in self.server.files:
            return self.server.files[self.path]
        study, results = self.server.study, f"/results/{self.server.results_key}"
        if self.path == "/api/study":
            return _json(_summary(study))
        if self.path == results:
            page = results_page(study, f"{results}.csv")
            return page.encode(), "text/html; charset=utf-8"
        if self.path == f"{results}.csv":
            return study.csv().encode(), "text/csv; charset=utf-8"
        if self.path.startswith("/image/"):
            png = study.png(self.path.removeprefix("/image/"))
            if png is not None:
                return png, "image/png"
        raise _Refused(404, "There is nothing here.")

    def _post(self) -> tuple[bytes, str]:
        request = self._body()
        study = self.server.study
        try:
            if self.path == "/api/start":
                if len(request) != 1 or request.get("consent") is not True:
                    raise ValueError("Nobody takes part who has not agreed.")
                return _json({"code": study.start()})
            code = request.pop("code", None)
            if not isinstance(code, str):
                raise ValueError("`code` must be a string.")
            if self.path == "/api/state" and not request:
                return _json(study.state(code))
            if self.path == "/api/trial":
                return _json(study.record(code, Report(**request)))
        except UnknownEvaluator as error:
            raise _Refused(403, str(error)) from error
        except OutOfTurn as error:
            raise _Refused(409, str(error)) from error
        except (ValueError, TypeError) as error:
            raise _Refused(400, str(error)) from error
        raise _Refused(404, "There is nothing here.")

    def _body(self) -> dict[str, Any]:
        """Returns the object that a request holds, once all of it has come."""
        if self.headers.get_content_type() != "application/json":
            raise _Refused(415, "A body must be application/json.")
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not length.isascii():
            raise _Refused(411, "A body must have a length.")
        if not length.isdigit():
            raise _Refused(411, "A body must have a length.")
        # Long rows of digits are no length, and Python refuses to read them.
        if len(length) > 9 or int(length) > LARGEST_BODY:
            raise _Refused(413, f"A body has at most {LARGEST_BODY} bytes.")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise _Refused(400, "The body was cut off.")
        try:
            request = json.loads(body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise _Refused(400, "The body is no JSON.") from None
        if not isinstance(request, dict):
            raise _Refused(400, "The body must be an object.")
        return request


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and infinities are no JSON


def _json(value: Any) -> tuple[bytes, str]:
    return json.dumps(value).encode(), "application/json"


def _summary(study: Study) -> dict[str, Any]:
    """Returns what a page says before anyone has begun."""
    protocol = study.protocol
    height, width, _ = protocol.image_shape or (1, 1, 1)
    return {
        "id": study.id,
        "title": study.title,
        "variant": protocol.variant,
        "num_trials": protocol.num_trials,
        "num_blocks": protocol.num_blocks,
        "qualification_trials": protocol.qualification_trials,
        "height": height,
        "width": width,
        "display_px": protocol.display_px,
        "countdown_ms": protocol.countdown_ms,
        "mask_ms": protocol.mask_ms,
    }
