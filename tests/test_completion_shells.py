"""The completion scripts, in real shells."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate import StateStore
from agentstate.cli import bash_words
from agentstate.cli.shell_scripts import script
from agentstate.render.text import screen_safe
from examples import examples
from shells import (
    PROGRAMS,
    SCRIPTS,
    Terminal,
    bash_replies,
    environment,
    require,
    run_shell,
    terminals,
)
from support import NOW, Clock, snapshot, thread

if TYPE_CHECKING:
    from collections.abc import Iterator

SHELLS: Final = ("bash", "zsh", "fish")

IDS: Final = (
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "it's",
    'q"q',
    "a b",
    "-x",
    "@home",
    "c:d",
    "bs\\x",
    "[/nope]",
    "~home",
    "!hist",
    "st*r?",
    "%F{red}",
    "中文 語",
    "new\nline",
    "esc\x1b[31m",
    "bidi\u202e",
)
NAMES: Final = {
    "t-main": "Fix the lexer",
    "t-nope": "[/nope]",
    "t-bold": "[bold]",
    "t-run": "run $(touch pwned) `touch pwned`",
    "t-lines": "\none\ttwo\nthree",
    "t-escape": "\x1b[31mred\x07",
    "t-colon": "a:b\\c",
    "t-bidi": "\u202eevil",
    "t-cjk": "日本語",
    "t-percent": "%F{red}100%",
    "t-last": "last of all",
}
SHOWN: Final = {
    **NAMES,
    "t-lines": "one two",
    "t-escape": "\\x1b[31mred\\x07",
    "t-bidi": "\\u202eevil",
}
TYPED: Final = {
    r"\$\(": "$(touch pwned)",
    "'$(": "$(touch pwned)",
    r"\`": "`touch pwned`",
    r"\;": "; touch pwned",
    r"it\'": "it's",
    '"it': "it's",
    r"q\"": 'q"q',
    "'q": 'q"q',
    r"a\ ": "a b",
    "'a ": "a b",
    '"a ': "a b",
    "id:-": "id:-x",
    "id:@": "id:@home",
    "id:t-m": "id:t-main",
    "'id:t-m": "id:t-main",
    "c:": "c:d",
    '"c:': "c:d",
    r"bs\\": "bs\\x",
    r"\[/": "[/nope]",
    r"\~": "~home",
    "st": "st*r?",
    "%F": "%F{red}",
    "中": "中文 語",
    "name:F": "name:Fix the lexer",
    "Fi": "Fix the lexer",
    "@l": "@last",
}
"""What is typed, and the word that must stand there after TAB."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a store of hostile ids and names, in a folder with a space."""
    folder = tmp_path_factory.mktemp("shells")
    (folder / "my dir").mkdir()
    (folder / "state file.json").write_text("{}")
    with StateStore.open(folder / "my dir" / "state.db", clock=Clock()) as store:
        ids = [*NAMES, *IDS]
        for number, thread_id in enumerate(ids):
            name = NAMES.get(thread_id)
            store.threads.create(thread(thread_id, name=name, updated_at=NOW - 900 - number))
        for content in ("one", "two", "three"):
            store.messages.append("t-main", "user", content)
        store.checkpoints.save("t-main", "before the $(touch pwned)", "{}")
    return folder


@pytest.fixture(scope="module", params=SHELLS)
def terminal(request: pytest.FixtureRequest, folder: Path) -> Iterator[Terminal]:
    store = str(folder / "my dir" / "state.db")
    yield from terminals(request.param, folder, AGENTSTATE_DB=store)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_files_are_what_the_command_prints(shell: str) -> None:
    printed = subprocess.run(
        [PROGRAMS / "agentstate", "completion", shell], capture_output=True, check=True
    ).stdout
    assert printed == (SCRIPTS / f"agentstate.{shell}").read_bytes()
    assert printed == script(shell).encode()


def test_what_is_completed_reads_as_what_is_stored(terminal: Terminal, folder: Path) -> None:
    event = "!h" if terminal.shell == "fish" else r"\!h"
    for typed, word in {**TYPED, event: "!hist"}.items():
        words = terminal.completed(f"agentstate threads show {typed}")
        assert words == ["agentstate", "threads", "show", word]
    assert not (folder / "pwned").exists()


def test_forms_of_a_message_and_checkpoints(terminal: Terminal, folder: Path) -> None:
    assert terminal.completed("agentstate fork t-main@")[-1] == "t-main@leaf"
    assert terminal.completed("agentstate fork t-main~2")[-1] == "t-main~2"
    words = terminal.completed("agentstate checkpoint load t-main b")
    assert words[-1] == "before the $(touch pwned)"
    assert terminal.completed("agentstate threads list --output=jsonl")[-1] == "--output=jsonl"
    assert not (folder / "pwned").exists()


def test_a_store_given_before_the_verb(terminal: Terminal, tmp_path: Path) -> None:
    with StateStore.open(tmp_path / "other dir" / "state.db") as store:
        store.threads.create(thread("only-here"))
    given_so = {
        f"--db '{tmp_path}/other dir/state.db'": "only-here",
        f'--db="{tmp_path}/other dir/state.db"': "only-here",
        f"--db {tmp_path}/other\\ dir/state.db --quiet": "only-here",
        f"--db ~/../../{tmp_path.name}/other\\ dir/state.db": "only-here",
        f"--db {tmp_path}/none.db": "o",
    }
    for options, word in given_so.items():
        assert terminal.completed(f"agentstate {options} threads show o")[-1] == word


def test_paths(terminal: Terminal) -> None:
    assert terminal.completed(r"agentstate --db my\ ")[-1].rstrip("/") == "my dir"
    assert terminal.completed("agentstate --db=my")[-1].rstrip("/") == "--db=my dir"
    assert terminal.completed("agentstate --db my\\ dir/state.d")[-1] == "my dir/state.db"
    words = terminal.completed("agentstate checkpoint save t-main x --state @st")
    assert words[-1] == "@state file.json"
    words = terminal.completed("agentstate fork 1 --content-file state")
    assert words[-1] == "state file.json"
    assert terminal.completed("agentstate threads create --cwd stat")[-1] == "stat"


def test_zsh_lists_names_newest_first(folder: Path) -> None:
    store = str(folder / "my dir" / "state.db")
    for terminal in terminals("zsh", folder, AGENTSTATE_DB=store):
        listed = terminal.listed("agentstate threads show t-", SHOWN["t-last"])
        found = re.findall(r"(t-\w+) +-- (.*?) *\r*\n", f"{listed}\n")
        assert found == list(SHOWN.items())


def test_fish_offers_names_newest_first(folder: Path) -> None:
    code = 'source "$SCRIPTS/agentstate.fish"; complete -C "agentstate threads show t-"'
    store = str(folder / "my dir" / "state.db")
    output = run_shell("fish", code, variables={"AGENTSTATE_DB": store}, folder=folder)
    assert [tuple(line.split("\t")) for line in output.splitlines()] == list(SHOWN.items())


def test_bash_lists_names_at_the_second_tab(folder: Path) -> None:
    store = str(folder / "my dir" / "state.db")
    for terminal in terminals("bash", folder, AGENTSTATE_DB=store):
        # In columns, from the top down, and then the line once more.
        listed = terminal.listed("agentstate threads show t-", "READY> ")
        found = re.findall(r"(t-\w+)  \((.*?)\)(?= {2}|\r)", listed)
        assert sorted(found) == sorted(SHOWN.items())


# Besides bash's own, with which the tests above are run.
@pytest.mark.parametrize("breaks", ["\"'><;|&(", "\"'@><=;|&(:~-/"])
def test_bash_with_other_word_breaks(folder: Path, breaks: str) -> None:
    store = str(folder / "my dir" / "state.db")
    for terminal in terminals("bash", folder, AGENTSTATE_DB=store, BREAKS=breaks):
        terminal.run("COMP_WORDBREAKS=$' \\t\\n'\"$BREAKS\"")
        lines = {
            "threads show @l": "@last",
            "threads show name:F": "name:Fix the lexer",
            "threads show id:t-m": "id:t-main",
            "threads show 'id:t-m": "id:t-main",
            "threads show c:": "c:d",
            r"threads show \~": "~home",
            "fork t-main@": "t-main@leaf",
            "fork t-main~2": "t-main~2",
            "threads list --output=jsonl": "--output=jsonl",
            r"--db my\ ": "my dir/",
            "--db=my": "--db=my dir/",
            "checkpoint save t-main x --state @st": "@state file.json",
        }
        for typed, word in lines.items():
            assert terminal.completed(f"agentstate {typed}")[-1] == word, typed


def test_bash_replaces_only_what_readline_does(folder: Path) -> None:
    def replies(line: str, text: str, kind: int = 9) -> list[str]:
        store = str(folder / "my dir" / "state.db")
        return list(
            bash_replies(line, text, kind, variables={"AGENTSTATE_DB": store}, folder=folder)
        )

    assert replies("agentstate threads show name:F", "F") == [r"Fix\ the\ lexer"]
    assert replies("agentstate threads show name:F", "name:F") == [r"name:Fix\ the\ lexer"]
    assert replies("agentstate threads show 'name:F", "name:F") == ["name:Fix the lexer"]
    assert replies("agentstate fork t-main@", "@") == ["@leaf"]
    assert replies("agentstate fork t-main~1", "1") == ["1"]
    assert replies("agentstate threads list -o js", "js") == ["json", "jsonl"]
    assert replies("agentstate threads list 2>/dev/null >st", "st") == [r"state\ file.json"]
    assert replies("agentstate threads show t-no", "t-no", 63) == ["t-nope  ([/nope])"]
    # In double quotes bash would look for the event of a `!`, and no quote hides it.
    assert replies('agentstate threads show "!', "!") == []
    assert replies("agentstate threads show 'it", "it") == []


def test_bash_as_other_functions_call_it(folder: Path) -> None:
    code = r"""
source "$SCRIPTS/agentstate.bash"
enable -n compopt
COMP_WORDS=(agentstate --db "my dir/state.db" threads show t-m) COMP_CWORD=5
_agentstate
printf '<%s>' "${COMPREPLY[@]}"
COMP_WORDS=(agentstate --db "my") COMP_CWORD=2
_agentstate
printf '<%s>' "${COMPREPLY[@]}"
"""
    assert run_shell("bash", code, variables={}, folder=folder) == "<t-main><my\\ dir/>"


@pytest.mark.parametrize("shell", SHELLS)
def test_without_the_program_nothing_is_said(shell: str, tmp_path: Path) -> None:
    code = {
        "bash": 'COMP_LINE="agentstate "; COMP_POINT=11; _agentstate agentstate "" ""',
        "zsh": "words=(agentstate '') CURRENT=2 PREFIX=; _agentstate || true",
        "fish": 'complete -C "agentstate "',
    }[shell]
    folders = environment(tmp_path)["PATH"].split(":")
    path = ":".join(folder for folder in folders if not Path(folder, "agentstate").exists())
    source = f'source "$SCRIPTS/agentstate.{shell}"\n{code}'
    assert run_shell(shell, source, variables={"PATH": path}, folder=tmp_path) == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_a_store_that_cannot_be_read_offers_nothing(shell: str, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    path = tmp_path / "store" / "state.db"
    path.write_bytes(b"no database")
    before = snapshot(path.parent)
    code = {
        "bash": 'COMP_LINE="agentstate threads show "; _agentstate agentstate "" ""\n'
        'printf "%s" "${#COMPREPLY[@]}"',
        "zsh": "words=(agentstate threads show '') CURRENT=4 PREFIX=\n_agentstate || printf 0",
        "fish": 'printf "%s" (complete -C "agentstate threads show " | count)',
    }[shell]
    source = f'source "$SCRIPTS/agentstate.{shell}"\n{code}'
    variables = {"AGENTSTATE_DB": str(path)}
    assert run_shell(shell, source, variables=variables, folder=tmp_path) == "0"
    assert snapshot(path.parent) == before


@settings(max_examples=examples(25), deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1).filter(
            lambda text: screen_safe(text) == text
        ),
        min_size=1,
    )
)
def test_bash_reads_what_was_quoted(values: list[str]) -> None:
    stored, line = [], ""
    for value in values:
        for quote in ("", "'", '"'):
            quoted = bash_words.quoted(value, quote)
            if quoted is not None:
                stored.append(value)
                line += f"{quote}{quoted}{quote} "
    read = subprocess.run(
        [require("bash"), "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True
    ).stdout
    assert read.decode().split("\0")[:-1] == stored
    assert bash_words.read(line, "").words == stored
