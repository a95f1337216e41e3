"""Where the store is: the rules in their order, and paths that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentstate import StateStore, UsageError
from agentstate.config import locate
from support import as_root, run_python

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def found(given: str | None, environ: Mapping[str, str]) -> tuple[str, str]:
    location = locate(given, environ)
    return str(location.path), location.rule


EVERYTHING = {"AGENTSTATE_DB": "/env/x.db", "CODEWHALE_HOME": "/whale"}


def test_the_first_rule_that_applies_wins(home: Path) -> None:
    old, new = home / ".deepseek" / "state.db", home / ".codewhale" / "state.db"
    new.parent.mkdir()
    assert found("given.db", EVERYTHING) == ("given.db", "--db")
    assert found(None, EVERYTHING) == ("/env/x.db", "$AGENTSTATE_DB")
    assert found(None, {"CODEWHALE_HOME": "/whale"}) == ("/whale/state.db", "$CODEWHALE_HOME")
    assert found(None, {}) == (str(old), "~/.deepseek")
    new.touch()
    assert found(None, {}) == (str(new), "~/.codewhale")


@pytest.mark.parametrize("variable", ["AGENTSTATE_DB", "CODEWHALE_HOME"])
def test_an_empty_variable_is_refused(variable: str) -> None:
    with pytest.raises(UsageError, match=rf"\${variable} is set but empty"):
        locate(None, {variable: ""})


@pytest.mark.parametrize("variable", ["AGENTSTATE_DB", "CODEWHALE_HOME"])
@pytest.mark.parametrize("value", ["state.db", "./x/state.db", "../x", "~/x"])
def test_a_relative_path_in_the_environment_is_refused(variable: str, value: str) -> None:
    with pytest.raises(UsageError, match=rf"\${variable} must be an absolute path") as raised:
        locate(None, {variable: value})
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///rel/x.db", "rel/x.db"),
        ("sqlite:////abs/x.db", "/abs/x.db"),
        ("sqlite:///a b?#.db", "a b?#.db"),
        ("./odd://name", "./odd:/name"),
        ("dir/x://y", "dir/x:/y"),
        ("C:x", "C:x"),
    ],
)
def test_urls_and_paths(url: str, path: str) -> None:
    assert locate(url, {}).path == Path(path)


def test_a_url_in_the_environment() -> None:
    assert locate(None, {"AGENTSTATE_DB": "sqlite:////abs/x.db"}).path == Path("/abs/x.db")
    with pytest.raises(UsageError, match="absolute"):
        locate(None, {"AGENTSTATE_DB": "sqlite:///rel.db"})


@pytest.mark.parametrize(
    "given", ["", "sqlite://", "sqlite:///", "mysql://u@h/d", "://x", "a\0b", "http://x/state.db"]
)
def test_what_is_no_path_is_refused(given: str) -> None:
    with pytest.raises(UsageError) as raised:
        locate(given, {})
    assert raised.value.exit_code == 2
    assert "\0" not in str(raised.value)


def test_the_password_of_a_url_is_not_shown() -> None:
    with pytest.raises(UsageError, match="postgresql") as raised:
        locate("postgresql://user:hunter2@host/db", {})
    assert "hunter2" not in str(raised.value)


def test_the_index_is_in_the_folder_that_was_named(tmp_path: Path) -> None:
    assert locate("a/state.db", {}).index_path == Path("a/session_index.jsonl")
    link = tmp_path / "state.db"
    link.symlink_to("/elsewhere/real.db")
    assert locate(link, {}).index_path == tmp_path / "session_index.jsonl"


def test_a_store_says_where_it_is_and_which_rule_chose_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AGENTSTATE_DB", raising=False)
    monkeypatch.setenv("CODEWHALE_HOME", str(home / "whale"))
    with StateStore.open() as store:
        info = store.info()
        assert store.path == home / "whale" / "state.db"
    assert (info.path, info.rule) == (str(home / "whale" / "state.db"), "$CODEWHALE_HOME")
    assert info.index_path == str(home / "whale" / "session_index.jsonl")
    assert (info.schema_version, info.newest_version) == (4, 4)
    assert info.counts["threads"] == info.counts["workflow_runs"] == 0


@as_root
def test_a_closed_folder_holds_no_store_for_those_outside(public_folder: Path) -> None:
    closed = public_folder / ".codewhale"
    closed.mkdir(mode=0o700)
    (closed / "state.db").touch()
    code = """
import os, sys
from agentstate.config import locate
os.environ["HOME"] = sys.argv[1]
print(locate(None, {}).rule)
"""
    assert run_python(code, public_folder, user=65534) == "~/.deepseek\n"
    assert run_python(code, public_folder) == "~/.codewhale\n"
