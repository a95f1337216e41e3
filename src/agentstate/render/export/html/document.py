"""What every page begins and ends with: its one script, its one style sheet, and the policy."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from agentstate.render.export.html.escaping import line

_FOLDER: Final = Path(__file__).parent

BUTTONS: Final = """\
<button id="theme" class="needs-script" title="Light or dark (t)">\
<span aria-hidden="true">◐</span><span class="words">Theme</span></button>
"""
"""What the script of every page answers to."""


def opening(title: str, *scripts: str) -> str:
    """Return the start of a document up to its body; `scripts` are names of files beside this.

    The policy lets nothing be loaded and nothing run but what is written here.
    """
    style = _asset("page.css")
    script = "".join(_asset(name) for name in scripts)
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="generator" content="agentstate">\n'
        f"<title>{line(title)}</title>\n<style>{style}</style>\n<script>{script}</script>\n"
        "</head>\n"
    )


@cache
def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
