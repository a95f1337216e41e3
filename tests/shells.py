"""Real shells with the completion scripts installed, and what they make of a line after TAB."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pexpect  # type: ignore[import-untyped] # it has no types
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SCRIPTS: Final = Path(__file__).parents[1] / "completions"
PROGRAMS: Final = Path(sys.executable).parent

_SHOWN: Final = re.compile(r"((?:<[^>]*>)+)\r*\nEND")
_TIMEOUT: Final = 20

# `show` prints the words it gets: put before a line, it tells how the shell reads that line.
_BASH: Final = """
PS1='READY> '
HISTFILE=
bind 'set enable-bracketed-paste off'
show() { printf '<%s>' "$@"; printf '\\nEND\\n'; }
source "$SCRIPTS/agentstate.bash"
"""
_ZSH: Final = """
PS1='READY> '
LISTMAX=1000
fpath=("$ZDOTDIR" $fpath)
autoload -Uz compinit
compinit -D
bindkey -e
show() { printf '<%s>' "$@"; printf '\\nEND\\n'; }
"""
_FISH: Final = """
function fish_prompt; printf 'READY> '; end
function show; printf '<%s>' $argv; printf '\\nEND\\n'; end
source "$SCRIPTS/agentstate.fish"
"""


def require(shell: str) -> str:
    """Return the path of a shell, or skip the test; bash is always there."""
    path = shutil.which(shell)
    if path is None and shell != "bash":
        pytest.skip(f"{shell} is not installed (Debian has it as the package {shell})")
    assert path is not None
    return path


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Return an environment in which `agentstate` is the one that is tested, and nothing is set."""
    return {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "XDG_DATA_HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "INPUTRC": os.devnull,
        "ZDOTDIR": str(home),
        "SCRIPTS": str(SCRIPTS),
        **variables,
    }


class Terminal:
    """A person at a terminal, in a shell with the completion script installed."""

    def __init__(self, shell: str, folder: Path, variables: Mapping[str, str]) -> None:
        self.shell = shell
        home = folder / f"home of {shell}"
        home.mkdir(exist_ok=True)
        self._spawned = pexpect.spawn(
            require(shell),
            _prepare(shell, home),
            cwd=str(folder),
            env=environment(home, **variables),
            encoding="utf-8",
            timeout=_TIMEOUT,
            dimensions=(60, 100),
        )
        self._spawned.delaybeforesend = None
        self._spawned.expect("READY> ")

    def completed(self, typed: str) -> list[str]:
        """Type the start of a line, and TAB; return the words that the line then has."""
        self._spawned.send(f"{typed}\t")
        # To the start of the line, to show it instead of running it.
        self._spawned.send("\x01show \r")
        self._spawned.expect(_SHOWN)
        return re.findall("<([^>]*)>", self._spawned.match[1])

    def listed(self, typed: str, last: str) -> str:
        """Type the start of a line, and TAB until the values are listed, up to `last`."""
        self._spawned.send(typed + ("\t\t" if self.shell == "bash" else "\t"))
        self._spawned.expect_exact(last)
        listed: str = self._spawned.before + last
        self._spawned.send("\x03")
        return listed

    def run(self, line: str) -> None:
        """Run a line, and wait until it is done."""
        self._spawned.send(f"{line}; show done\r")
        self._spawned.expect(_SHOWN)

    def close(self) -> None:
        self._spawned.close(force=True)


def _prepare(shell: str, home: Path) -> list[str]:
    """Write the shell's start-up file; return the arguments with which it reads no other."""
    if shell == "bash":
        (home / "bashrc").write_text(_BASH)
        return ["--noprofile", "--rcfile", str(home / "bashrc"), "-i"]
    if shell == "zsh":
        (home / ".zshrc").write_text(_ZSH)
        shutil.copyfile(SCRIPTS / "agentstate.zsh", home / "_agentstate")
        return ["--no-global-rcs", "-i"]
    (home / "setup.fish").write_text(_FISH)
    return ["--no-config", "-i", "-C", f"source '{home}/setup.fish'"]


def terminals(shell: str, folder: Path, **variables: str) -> Iterator[Terminal]:
    """Yield a terminal, and close it."""
    terminal = Terminal(shell, folder, variables)
    try:
        yield terminal
    finally:
        terminal.close()


def run_shell(
    shell: str, code: str, *arguments: str, variables: Mapping[str, str], folder: Path
) -> str:
    """Run a few lines in a shell without a terminal; they must say nothing on standard error."""
    options = {"bash": ["--noprofile", "--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    # fish has no $0: its arguments begin with the first.
    name = [] if shell == "fish" else [shell]
    done = subprocess.run(
        [require(shell), *options, "-c", code, *name, *arguments],
        env=environment(folder, **variables),
        cwd=folder,
        capture_output=True,
        check=True,
        text=True,
        timeout=_TIMEOUT,
    )
    assert done.stderr == ""
    return done.stdout


_CALL: Final = r"""
set -u
source "$SCRIPTS/agentstate.bash"
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=${3-9} COMP_WORDS=() COMP_CWORD=0
_agentstate agentstate "$2" before
printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"}
"""


def bash_replies(
    line: str, text: str, kind: int = 9, *, variables: Mapping[str, str], folder: Path
) -> Sequence[str]:
    """Call bash's function as bash does; `text` is the end of the line, which it will replace."""
    output = run_shell("bash", _CALL, line, text, str(kind), variables=variables, folder=folder)
    return [reply for reply in output.split("\n") if reply]
