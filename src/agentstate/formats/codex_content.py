"""The role and the readable text of the items that Codex writes into a rollout."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from agentstate import blocks
from agentstate.formats.images import size_of
from agentstate.formats.readable import readable
from agentstate.formats.wording import as_text

_ROLES: Final = ("user", "assistant", "tool", "system", "developer")
_TEXTS: Final = ("input_text", "output_text", "text", "summary_text", "reasoning_text", "refusal")
_LEFT_OUT: Final = ("ghost_snapshot", "compaction", "compaction_summary", "context_compaction")
_PROGRAM: Final = (
    "<environment_context>",
    "<user_instructions>",
    "<turn_aborted>",
    "<skill>",
    "<subagent_notification>",
)
_SHELL: Final = "<user_shell_command>"
"""How a person's own command begins, with what it printed; nothing is asked by it."""
_INSTRUCTIONS: Final = "# AGENTS.md instructions for "
"""How the instructions of a folder begin, in newer versions."""

_EDITOR: Final = "# Context from my IDE setup:"
_REQUEST: Final = "## My request for Codex:"


class Said(NamedTuple):
    """An item as a message."""

    role: str
    text: str
    hidden: bool = False


def said_in(item: dict[str, Any]) -> Said | None:
    """Return an item as a message; None for one of a kind that is not known."""
    kind = item.get("type")
    if not isinstance(kind, str):
        return None
    if kind in _SAID:
        return _SAID[kind](item)
    if kind.endswith("_output"):
        return Said("tool", _output(item))
    if kind.endswith("_call"):
        return Said("assistant", _call(item, kind.removesuffix("_call")))
    return None


def is_left_out(item: dict[str, Any]) -> bool:
    """Tell whether an item is of a kind that is known to be no message."""
    return item.get("type") in _LEFT_OUT


def asked_in(text: str) -> str:
    """Return what a person asks for in a text that an editor put its surroundings before."""
    if text.startswith(_EDITOR):
        return text.partition(_REQUEST)[2] or text
    return text


def begins_turn(text: str) -> bool:
    """Tell whether Codex takes what a person wrote for a new turn, which can be rolled back."""
    return not text.startswith(_SHELL)


def is_of_program(text: str) -> bool:
    """Tell whether the program, and not a person, wrote what it says a person wrote."""
    return text.startswith(_PROGRAM) or (
        text.startswith(_INSTRUCTIONS) and "<INSTRUCTIONS>" in text
    )


def _message(item: dict[str, Any]) -> Said:
    role, text = item.get("role"), _text_of(item.get("content"))
    if role not in _ROLES:
        return Said("system", text)
    return Said(role, text, role == "developer" or (role == "user" and is_of_program(text)))


def _reasoning(item: dict[str, Any]) -> Said:
    thoughts = [_text_of(item.get("summary")), _text_of(item.get("content"))]
    return Said("assistant", blocks.thinking(blocks.join(thoughts)))


def _agent_message(item: dict[str, Any]) -> Said:
    """Return what another agent says to this one, which answers it as it does a person."""
    return Said("user", _text_of(item.get("content")))


_SAID: Final = {"message": _message, "reasoning": _reasoning, "agent_message": _agent_message}


def _text_of(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return the text of a message's content, or of what a tool gave."""
    if isinstance(value, list):
        return _block(value[0]) if len(value) == 1 else blocks.join(map(_block, value))
    return _block(value) if isinstance(value, dict) else as_text(value)


def _block(block: Any) -> str:  # noqa: ANN401 - any JSON
    if not isinstance(block, dict):
        return as_text(block)
    kind = block.get("type")
    if kind in _TEXTS:
        return as_text(block.get("text") or block.get("refusal"))
    if kind == "input_image":
        return _image(block.get("image_url"))
    if kind is None:
        return as_text(block.get("text") or block.get("content") or block)
    return blocks.other(as_text(kind), readable(block))


def _image(url: Any) -> str:  # noqa: ANN401 - any JSON
    if not isinstance(url, str):
        return blocks.image("image")
    if not url.startswith("data:"):
        return blocks.other("image", url)
    start, _, data = url[5:].partition(",")
    return blocks.image(start.split(";")[0], size_of(data))


def _call(item: dict[str, Any], name: str) -> str:
    given = next((item[key] for key in _GIVEN if item.get(key) is not None), None)
    return blocks.tool_call(as_text(item.get("name")) or name, as_text(given))


_GIVEN: Final = ("arguments", "input", "action", "revised_prompt")
"""Where a call has what is given to the tool."""


def _output(item: dict[str, Any]) -> str:
    output = item.get("output")
    if output is None:
        return as_text(item.get("tools")) or readable(item)
    if isinstance(output, str) and output.startswith('{"output":'):
        # Some versions wrap what a command printed, and write that as text.
        try:
            printed = json.loads(output).get("output")
        except (ValueError, RecursionError):
            return output
        return printed if isinstance(printed, str) else output
    return _text_of(output)
