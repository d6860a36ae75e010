"""The frame of an HTML page that is one file, fetches nothing, runs nothing, and is as dark or light as its reader."""

from __future__ import annotations

import base64
import hashlib
import html

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1a1a1a; --soft: #595959; --line: #c8c8c8; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181c; --ink: #e6e6e6; --soft: #a8a8a8; --line: #4a4d52; }
}
body { margin: 0 auto; max-width: 60rem; padding: 0 1.25rem 4rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
"""
END = "</body>\n</html>\n"
"""What comes after the body."""


def head(title: str, style: str, generator: str) -> str:
    """What comes before the body. The browser is told to refuse everything but this style sheet.

    Args:
        title: of the window.
        style: the style sheet, after that of all pages.
        generator: what made the page.
    """
    style = _STYLE + style
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
{generated_by(generator)}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{style}</style>
</head>
<body>
"""


def generated_by(generator: str) -> str:
    """The line by which a page can be recognised."""
    return f'<meta name="generator" content="{html.escape(generator)}">'
