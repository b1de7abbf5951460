"""Hides the credentials of a database wherever they might be shown."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus

import yarl

from collector.text import one_line

_MASK: Final = "***"


class SecretMask:
    """Replaces secrets in any text: as they are, and in the forms that a server may echo."""

    def __init__(self, *secrets: str) -> None:
        """Empty secrets are ignored."""
        forms = {form for secret in secrets if secret for form in _forms(secret) if form}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        pattern = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(pattern, re.IGNORECASE) if pattern else None

    def hide(self, text: str) -> str:
        """Return the text with each secret replaced by `***`."""
        return self._pattern.sub(_MASK, text) if self._pattern else text


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret in every encoding that HTTP, JSON and HTML have for it."""
    yield secret
    yield one_line(secret, len(secret))
    packed = secret.encode(errors="replace")
    yield base64.b64encode(packed).decode().rstrip("=")
    yield base64.urlsafe_b64encode(packed).decode().rstrip("=")
    yield quote(packed)
    yield quote(packed, safe="")
    yield quote_plus(packed)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield html.escape(secret)


def shown_url(text: str) -> str:
    """Return a URL without user, password, query and fragment; a relative one as its path."""
    try:
        url = yarl.URL(text)
        return f"{url.origin() if url.absolute else ''}{url.raw_path}".removesuffix("/") or "/"
    except ValueError:
        return "(not a URL)"
