"""The one place where errors become exit codes and error lines."""

from __future__ import annotations

import errno
import json
import re
import sys
import warnings
from typing import TYPE_CHECKING, Any, Final

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError, NoSuchOption, UsageError

from agentstate.cli import printing
from agentstate.cli.app import program
from agentstate.cli.invocation import release_interrupts
from agentstate.cli.printing import explain, note
from agentstate.errors import AgentStateError, AgentStateWarning
from agentstate.render.text import first_line, json_screen_safe

if TYPE_CHECKING:
    from collections.abc import Sequence

UNEXPECTED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
_WORD: Final = 60
"""Cells of a word in an error; it may be a page long."""


def main(arguments: Sequence[str]) -> int:
    """Run the program with these arguments and return its exit code."""
    printing.open_missing()
    with warnings.catch_warnings():
        warnings.simplefilter("always", AgentStateWarning)
        warnings.showwarning = _show_warning
        try:
            return _main(arguments)
        finally:
            release_interrupts()


def _main(arguments: Sequence[str]) -> int:
    """Run the program; every error ends here, as an exit code and a line."""
    try:
        code = _run(list(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone (`| head -1`), and has what it wanted.
        printing.abandon(sys.stdout)
        return 0
    except KeyboardInterrupt as interrupt:
        _report(arguments, "interrupted", str(interrupt) or "interrupted")
        return INTERRUPTED
    except AgentStateError as error:
        _report(arguments, error.slug, str(error))
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback reaches a user
        printing.abandon(sys.stdout)
        _report(arguments, "unexpected", _unexpected(error))
        return UNEXPECTED
    return code


def _run(arguments: list[str]) -> int:
    try:
        group = program()
        with group.make_context("agentstate", arguments) as context:
            group.invoke(context)
    except typer.Exit as error:
        return error.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except NoArgsIsHelpError as error:
        explain(error.format_message())
        return USAGE
    except ClickException as error:
        _report_usage(arguments, error)
        return USAGE
    return 0


def _unexpected(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        # Help is written by Typer, which meets a full disk as itself.
        return f"cannot write the answer: {error.strerror}"
    return f"unexpected {type(error).__name__}: {error}"


def _report_usage(arguments: Sequence[str], error: ClickException) -> None:
    hint = _unquoted(arguments, error) or _misplaced(error)
    _report(arguments, "usage", hint or error.format_message().rstrip("."))
    context = error.ctx if isinstance(error, UsageError) else None
    if context is not None and not _wants_json(arguments):
        note(f"Try '{context.command_path} --help' for help.")


def _unquoted(arguments: Sequence[str], error: ClickException) -> str | None:
    """Say how `search` takes a word that begins with a hyphen, where it was read as an option."""
    if not isinstance(error, NoSuchOption) or error.ctx is None or error.possibilities:
        return None
    option = error.option_name
    word = next((one for one in arguments if one.startswith(option)), option)
    if error.ctx.info_name != "search" or any(
        word in parameter.opts for parameter in error.ctx.find_root().command.params
    ):
        return None
    how = f"agentstate search -- … {first_line(word, _WORD)}"
    return f"no such option: {option}; for words that begin with - write {how}"


def _misplaced(error: ClickException) -> str | None:
    """Say where an option belongs that stands on the wrong side of the command."""
    if not isinstance(error, NoSuchOption) or error.ctx is None:
        return None
    option, root = error.option_name, error.ctx.find_root()
    if error.ctx is root:
        if option in {"-o", "--output", "--fields", "--limit", "-0", "--null"}:
            return f"{option} goes behind the command, as in agentstate threads list {option} …"
        return None
    if any(option in parameter.opts for parameter in root.command.params):
        command = error.ctx.command_path.removeprefix("agentstate ")
        return f"{option} goes before the command: agentstate {option} … {command}"
    return None


def _report(arguments: Sequence[str], slug: str, message: str) -> None:
    """Write one line: the message, or with -o json or jsonl an object that holds it."""
    line = " ".join(message.split("\n")) if message else slug
    if _wants_json(arguments):
        error = {"error": {"code": slug, "message": line}}
        text = json.dumps(error, ensure_ascii=False)
        note(json_screen_safe(text))
    else:
        note(f"agentstate: {line}")


def _wants_json(arguments: Sequence[str]) -> bool:
    """Look for `-o json` where parsing may have failed, so without parsing."""
    options = list(arguments)
    if "--" in options:
        options = options[: options.index("--")]
    for option, value in zip(options, [*options[1:], ""], strict=False):
        name, _, attached = option.partition("=")
        if (name == "--output" or re.fullmatch("-[0-9a-z]*o", name)) and (attached or value) in {
            "json",
            "jsonl",
        }:
            return True
        if option in {"-ojson", "-ojsonl"}:
            return True
    return False


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:  # noqa: ANN401 - the signature is Python's
    note(f"agentstate: warning: {message}")
