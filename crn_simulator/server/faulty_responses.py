"""Complete responses with the wrong status or content, by fault."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from crn_simulator.script.fault import Fault
from crn_simulator.server.http import HTML, JSON, TEXT, HttpResponse

_PAGE = b"<!doctype html><html><head><title>Welcome</title></head><body>It works!</body></html>"
_CHALLENGE = b"<!doctype html><html><head><title>Just a moment...</title></head></html>"
_HUGE = 10**30
_TOO_LARGE = 3 * 1024 * 1024


def faulty_response(fault: Fault, path: str, healthy: HttpResponse) -> HttpResponse | None:
    """Return the response instead of the healthy one; None if the fault is not of this kind."""
    make = _RESPONSES.get(fault)
    return None if make is None else make(path, healthy)


def _html(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(200, _PAGE, HTML)


def _html_as_json(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(200, _PAGE, JSON)


def _redirect(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(302, b"", HTML, (("Location", f"https://www.example.org{path}"),))


def _redirect_private(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(301, b"", HTML, (("Location", "http://169.254.169.254/latest/meta-data/"),))


def _client_error(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(403, b"<html><h1>403 Forbidden</h1></html>", HTML)


def _too_many_requests(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(429, b"too many requests", TEXT, (("Retry-After", "120"),))


def _challenge(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(403, _CHALLENGE, HTML, (("cf-mitigated", "challenge"),))


def _server_error(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(502, b"<html><h1>502 Bad Gateway</h1></html>", HTML)


def _unavailable(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(503, b'{"error":"Server is shutting down"}', JSON, (("Retry-After", "60"),))


def _nothing_here(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(404, b"<html><h1>404 Not Found</h1></html>", HTML)


def _empty(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(200, b"", JSON)


def _truncated(path: str, healthy: HttpResponse) -> HttpResponse:
    # The length is that of the half: the response is complete, its JSON is not.
    return HttpResponse(200, (healthy.body or b"{}")[: max(1, len(healthy.body) // 2)], JSON)


def _invalid(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(200, b"{'version': '1.9.0', cpu: {count: 8,}}", JSON)


def _not_utf8(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(200, b'{"version": "\xff\xfe\xc3"}', JSON)


def _nested(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(200, b"[" * 50_000, JSON)


def _not_an_object(path: str, healthy: HttpResponse) -> HttpResponse:
    return HttpResponse(200, b"[]", JSON)


def _wrong_types(path: str, healthy: HttpResponse) -> HttpResponse:
    return _body(path, _Values(version=17, payment=[], count="eight", size="a lot", load=None))


def _nan(path: str, healthy: HttpResponse) -> HttpResponse:
    nan = float("nan")
    return _body(path, _Values(version=nan, payment=nan, count=nan, size=float("inf"), load=nan))


def _huge_numbers(path: str, healthy: HttpResponse) -> HttpResponse:
    return _body(path, _Values(version=_HUGE, payment=_HUGE, count=_HUGE, size=_HUGE, load=1e300))


def _oversized(path: str, healthy: HttpResponse) -> HttpResponse:
    padding = b" " * (_TOO_LARGE - len(healthy.body))
    return HttpResponse(200, healthy.body + padding, JSON)


@dataclass(frozen=True, slots=True)
class _Values:
    """Wrong values, in place of those of a kind."""

    version: object
    payment: object
    count: object
    size: object
    load: object


def _body(path: str, values: _Values) -> HttpResponse:
    """Return a response of about the right shape with these values in place of the right ones."""
    count, version = values.count, values.version
    if path == "/about/usage/system":
        amount = {"total_kB": values.size, "available_kB": values.size}
        loads = dict.fromkeys(("load1", "load5", "load15"), values.load)
        body: dict[str, object] = {"cpu": {"count": count, "load_average": loads}}
        body |= {"mem": amount, "disk": amount, "gpu": count, "properties": {"cpu": count}}
    elif path == "/status/config":
        body = {"DOMAIN_NAME": version, "version": version, "networking": count}
        body |= {"references": values.size, "payment": values.payment, "computing": count}
    else:
        body = {"host": version, "vm": version, "result": version}
    return HttpResponse(200, json.dumps(body).encode(), JSON)


_RESPONSES: Mapping[Fault, Callable[[str, HttpResponse], HttpResponse]] = MappingProxyType(
    {
        Fault.REDIRECT: _redirect,
        Fault.REDIRECT_PRIVATE: _redirect_private,
        Fault.CLIENT_ERROR: _client_error,
        Fault.TOO_MANY_REQUESTS: _too_many_requests,
        Fault.CHALLENGE: _challenge,
        Fault.SERVER_ERROR: _server_error,
        Fault.UNAVAILABLE: _unavailable,
        Fault.HTML: _html,
        Fault.HTML_AS_JSON: _html_as_json,
        Fault.EMPTY_BODY: _empty,
        Fault.TRUNCATED_JSON: _truncated,
        Fault.INVALID_JSON: _invalid,
        Fault.NOT_UTF8: _not_utf8,
        Fault.NESTED_JSON: _nested,
        Fault.NOT_AN_OBJECT: _not_an_object,
        Fault.WRONG_TYPES: _wrong_types,
        Fault.NAN: _nan,
        Fault.HUGE_NUMBERS: _huge_numbers,
        Fault.WEB_SERVER: _nothing_here,
        Fault.OVERSIZED_BODY: _oversized,
    }
)
