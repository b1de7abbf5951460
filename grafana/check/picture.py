"""Pictures of dashboards by a headless Chromium, which reaches Grafana through a proxy.

The proxy, on loopback, adds the header of authorization, so that the browser need not log in.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from grafana.build.query import Json
from grafana.check.api import TIMEOUT_SECONDS, Grafana
from grafana.check.document import height

WIDTH: Final = 1440
PATIENCE_MILLISECONDS: Final = 30_000
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_KEPT: Final = ("content-type", "cache-control", "location")


def browser() -> str | None:
    """A Chromium, if one is here."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def proxy(grafana: Grafana) -> Iterator[str]:
    """The address of a proxy on loopback that adds the header of authorization."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass_on(None)

        def do_POST(self) -> None:
            self._pass_on(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _pass_on(self, body: bytes | None) -> None:
            request = urllib.request.Request(grafana.url + self.path, data=body)
            request.add_header("Authorization", grafana.authorization)
            if kind := self.headers.get("Content-Type"):
                request.add_header("Content-Type", kind)
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                    self._answer(answer.status, dict(answer.headers), answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    self._answer(error.code, dict(error.headers), error.read())

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() in _KEPT:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """The browser hangs up when it has its picture."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def picture(
    chromium: str, address: str, dashboard: Json, theme: str, back: str, target: Path
) -> bool:
    """Take one picture of a whole dashboard; whether there is one now."""
    url = f"{address}/d/{dashboard['uid']}?from=now-{back}&to=now&theme={theme}&kiosk"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            f"--window-size={WIDTH},{height(dashboard)}",
            f"--virtual-time-budget={PATIENCE_MILLISECONDS}",
            f"--screenshot={target}",
            url,
        ]
        subprocess.run(command, capture_output=True, timeout=180, check=False)
    return target.is_file() and target.stat().st_size > 0
