"""The frame of an HTML page that is one file, fetches nothing, and is as dark or light as its reader."""

from __future__ import annotations

import base64
import hashlib
import html

from ranat.view.assets import text_of

END = "</body>\n</html>\n"
"""What comes after the body."""


def head(title: str, style: str, generator: str, script: str | None = None) -> str:
    """What comes before the body. The browser is told to refuse everything but this style sheet and this script.

    Args:
        title: of the window.
        style: the style sheet, after that of all pages.
        generator: what made the page.
        script: that stands in the body, see `script_element`; None: the page runs nothing.
    """
    style = text_of("page.css") + style
    runs = f" script-src '{_digest(script)}';" if script is not None else ""
    policy = f"default-src 'none';{runs} style-src '{_digest(style)}'; base-uri 'none'; form-action 'none'"
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


def script_element(script: str) -> str:
    """A script as it stands in a page, character for character, as its hash wants it."""
    return f"<script>{script}</script>\n"


def generated_by(generator: str) -> str:
    """The line by which a page can be recognised."""
    return f'<meta name="generator" content="{html.escape(generator)}">'


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
