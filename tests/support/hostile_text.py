"""Texts that strangers may register or send, each of which something on a way out might obey."""

from __future__ import annotations

from typing import Final

PAYLOADS: Final = {
    # terminals and logs
    "clear-screen": "a\x1b[2Jb",
    "title": "\x1b]0;owned\x07b",
    "clipboard": "a\x1b]52;c;cm0gLXJmIH4=\x07b",
    "link": "\x1b]8;;https://evil.invalid\x1b\\click\x1b]8;;\x1b\\",
    "c1-escape": "a\x9b31mb",
    "device-control": "a\x90qb\x9c",
    "carriage-return": "safe\rEVIL",
    "backspace": "safe\x08\x08\x08\x08EVIL",
    "second-line": "a\nb",
    "next-line": "a\x85b",
    "forged-log-line": "a\n2026-01-01T00:00:00.000Z INFO all is well",
    "line-separator": "a\u2028b",
    "paragraph-separator": "a\u2029b",
    "next-column": "a\tb",
    "nul": "a\x00b",
    "delete": "a\x7fb",
    "direction": "a\u202egnp.exe",
    "isolate": "\u2066a\u2069",
    "zero-width": "a\u200bb\u2060c\ufeff",
    "tag-characters": "a\U000e0041\U000e007f",
    "surrogate": "a\udcffb",
    "not-a-character": "a\ufffeb\U0010ffffc",
    "tower": "a" + "\u0300" * 500,
    "markup": "[bold red]a[/]",
    "markup-link": "[link=https://evil.invalid]a[/link]",
    "percent-format": "%s%n%(name)s%d",
    "brace-format": "{}{0.__class__.__mro__}{name}",
    "json-escape": '\\u001b[2J"},{"name":"b',
    "very-long": "long " * 20_000,
    # spreadsheets
    "formula": "=cmd|' /C calc'!A0",
    "formula-at": "@SUM(1)",
    "formula-plus": "+1+1",
    "formula-minus": "-1+1",
    "formula-after-tab": "\t=1+1",
    "formula-in-quotes": '"=1+1"',
    "formula-full-width": "\uff1d1+1",
    "formula-of-the-web": '=IMPORTXML("https://evil.invalid","//a")',
    # databases
    "line-protocol": 'a,node=b reachable=1i 1\nc,d=e f="g"',
    "line-protocol-tag": "a,vantage=b c=1 2",
    "comment": "#a",
    "backslash": "a\\",
    "backslashes": "a\\\\\\",
    "backslash-quote": 'a\\"b',
    "drop": "'; DROP DATABASE crn; --",
    "always": "' OR '1'='1",
    "identifier": '" FROM "network',
    "regex": "/.*/",
    "regex-quantifier": "(a+)+$[^",
    # pages
    "script": "<script>document.title='owned'</script>",
    "image": "<img src=x onerror=alert(1)>",
    "vector": "<svg/onload=alert(1)>",
    "attribute": "\"' onmouseover='alert(1)' x=\"",
    "closing": "</title></textarea></style></script><b>",
    "entity": "&lt;script&gt;alert(1)&lt;/script&gt;&#60;",
    "javascript": "javascript:alert(1)",
    "javascript-link": "[click](javascript:alert(1))",
    "template": "{{7*7}}{% include 'x' %}${7*7}#{7*7}",
    "cdata": "]]><!--",
    # Grafana
    "grafana-variable": "${__data.fields.node} $node $__all [[node]]",
    "grafana-query": "&var-node=x&orgId=2#/?",
    "go-template": "{{ .Values }}{{ $labels.node }}{{ end }}",
    # who is told
    "everybody-slack": "<!channel> <!here>",
    "slack-link": "<https://evil.invalid|the dashboard>",
    "everybody-discord": "@everyone @here <@&1>",
    "telegram": "</b>@admin <a href='https://evil.invalid'>a</a>",
    "markdown-link": "[the dashboard](https://evil.invalid)",
    "mail-header": "a\r\nBcc: everybody@example.org\r\n\r\nbody",
    # shells
    "substitution": "$(touch /tmp/owned)",
    "backticks": "`touch /tmp/owned`",
    "next-command": "a; touch /tmp/owned & | touch b",
    "option": "--data-dir=/tmp/owned",
    "home": "~/.ssh/../../etc/passwd",
}
"""By what they are. The way out that is added adds what it might obey."""

HONEST: Final = (
    "Zürich 1",
    "日本のノード",
    "узел",
    "عقدة",
    "צומת",
    "नोड",
    "node 🦀",
    "O'Neill & Sons (#1)",
    "50 % off: a/b + c, d = e!",
    "x86_64 [fast] {big} $1 ~",
)
"""Names of people who mean no harm; they are shown as they are."""
