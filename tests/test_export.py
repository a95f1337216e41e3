from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pexpect  # type: ignore[import-untyped] # it has no types
import pytest

from agentstate import StateStore, blocks
from agentstate.formats.events import Message, Relation, Session, Start
from cli_support import Cli, finish, run, spawn, start
from support import mode, raw, rows, snapshot, thread

if TYPE_CHECKING:
    from agentstate.formats.events import Event

DOCUMENTS: Final = ("markdown", "html", "json", "jsonl", "openai", "agentstate")
SECRET: Final = "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"
every_document = pytest.mark.parametrize("to", DOCUMENTS)


def append(cli: Cli, thread_id: str, *contents: str, item: object = None) -> list[int]:
    with cli.store() as store:
        return [store.messages.append(thread_id, "user", content, item) for content in contents]


def lines_of(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def imported(cli: Cli) -> Cli:
    """Add thread s: the messages said, aside (hidden), answered."""
    events: list[Event] = [
        Start("s", 1),
        Message("a", None, "user", "said", '{"n":1.10}', 1),
        Message("b", "a", "user", "a secret aside", None, 2, hidden=True),
        Message("c", "b", "assistant", "answered", None, 3),
        Session(session_id="s", leaf="c", created_at=1, updated_at=3, title="Imported", cwd="/w"),
    ]
    with cli.store() as store:
        store.imports.merge(events, format_name="codex", source="/logs/s.jsonl")
    return cli


def test_a_document_goes_to_standard_output(cli: Cli) -> None:
    done = cli("export", "t-main")
    assert done.lines[0] == "# Main"
    assert "It does not" in done.text
    assert "Fix it" not in done.text
    assert done.stderr == b""


@every_document
def test_reading_changes_nothing(cli: Cli, to: str) -> None:
    before = snapshot(cli.db.parent)
    cli("export", "t-main", "--to", to)
    assert snapshot(cli.db.parent) == before


def test_json_holds_all_that_belongs_to_a_thread(cli: Cli) -> None:
    found = cli("export", "t-main", "--to", "json").json
    shown = cli("threads", "show", "t-main", "-o", "json").json
    assert found["thread"] == {field: shown[field] for field in found["thread"]}
    assert found["messages"] == lines_of(cli("export", "t-main", "--to", "jsonl").text)
    assert [one["id"] for one in found["messages"]] == [1, 2, 3, 4]
    assert found["path"] == [1, 4]
    assert [one["checkpoint_id"] for one in found["checkpoints"]] == ["cp"]
    assert [one["name"] for one in found["tools"]] == ["grep"]
    assert found["goal"]["objective"] == "Green"
    assert (found["origin"], found["hidden"]) == (None, [])
    empty = cli("export", "t-other", "--to", "json").json
    assert (empty["messages"], empty["tools"], empty["goal"]) == ([], [], None)


def test_json_keeps_the_form_of_numbers(cli: Cli) -> None:
    with raw(cli.db) as connection:
        connection.execute("UPDATE messages SET item_json = '{\"n\":1.10}' WHERE id = 4")
    for to in ("json", "jsonl"):
        assert '{"n":1.10}' in cli("export", "t-main", "--to", to).text


@pytest.mark.parametrize(
    ("branch", "expected"),
    [
        ("active", [1, 4]),
        ("3", [1, 2, 3]),
        ("2", [1, 2]),
        ("t-main@leaf", [1, 4]),
        ("all", [1, 2, 3, 4]),
    ],
)
def test_one_branch_or_all(cli: Cli, branch: str, expected: list[int]) -> None:
    found = cli("export", "t-main", "--to", "jsonl", "--branch", branch)
    assert [one["id"] for one in lines_of(found.text)] == expected
    page = cli("export", "t-main", "--branch", branch).text
    assert [int(one) for one in sorted(re.findall(r"^## (\d+) ·", page, re.MULTILINE))] == expected


def test_each_branch_is_a_line_of_chat(cli: Cli) -> None:
    found = lines_of(cli("export", "t-main", "--to", "openai", "--branch", "all").text)
    assert [[one["content"] for one in line["messages"]][-1] for line in found] == [
        "Fix it",
        "It does not",
    ]
    assert len(lines_of(cli("export", "t-main", "--to", "openai").text)) == 1


def test_hidden_messages_are_left_out_of_what_people_read(imported: Cli) -> None:
    for to in ("markdown", "html", "openai"):
        arguments = ("export", "s", "--to", to, "--branch", "all")
        assert "a secret aside" not in imported(*arguments).text
        assert "a secret aside" in imported(*arguments, "--all").text
    page = imported("export", "s", "--to", "html", "--branch", "active").text
    assert "a secret aside" not in page
    assert "2 messages, 1 branch" in page
    for to in ("json", "jsonl", "agentstate"):
        assert "a secret aside" in imported("export", "s", "--to", to).text
    found = imported("export", "s", "--to", "json").json
    assert found["hidden"] == [found["messages"][1]["id"]]
    assert found["origin"]["format"] == "codex"
    assert "· hidden" in imported("export", "s", "--all").text
    assert "| Imported from | codex s |" in imported("export", "s").text


def test_a_hidden_result_of_a_tool_is_not_left_out(cli: Cli) -> None:
    call = blocks.tool_call("ls", "{}")
    events: list[Event] = [
        Start("h", 1),
        Message("a", None, "user", "List it", None, 1),
        Message("b", "a", "assistant", call, None, 2),
        Message("c", "b", "tool", "a.txt", None, 3, hidden=True),
        Message("d", "c", "user", "a secret aside", None, 4, hidden=True),
        Message("e", "d", "assistant", "There is one", None, 5),
        Session(session_id="h", leaf="e", created_at=1, updated_at=5),
    ]
    with cli.store() as store:
        store.imports.merge(events, format_name="codex", source=None)
    for to in ("markdown", "html", "openai"):
        for branch in ("active", "all"):
            text = cli("export", "h", "--to", to, "--branch", branch).text
            assert "a.txt" in text
            assert "a secret aside" not in text
    (line,) = lines_of(cli("export", "h", "--to", "openai").text)
    roles = ["user", "assistant", "tool", "assistant"]
    assert [one["role"] for one in line["messages"]] == roles
    assert "| Messages | 4 |" in cli("export", "h").text


def test_one_branch_says_of_how_much_it_is_one(imported: Cli) -> None:
    assert "| Messages | 2 of 4, one branch |" in imported("export", "t-main").text
    assert "| Messages | 3 of 4, one branch |" in imported("export", "t-main", "--branch", "3").text
    fact = "<dt>Messages</dt><dd>2 of 4, one branch</dd>"
    assert fact in imported("export", "t-main", "--to", "html", "--branch", "active").text
    for whole in (
        ("t-main", "--branch", "all"),
        ("t-main", "--to", "html"),
        ("s",),
        ("s", "--all"),
    ):
        assert "one branch" not in imported("export", *whole).text


def test_a_bundle_brings_all_back(imported: Cli, tmp_path: Path) -> None:
    for thread_id in ("t-main", "s"):
        bundle = imported("export", thread_id, "--to", "agentstate").stdout
        other = tmp_path / f"other-{thread_id}" / "state.db"
        with StateStore.open(other) as store:
            (tmp_path / "b").write_bytes(bundle)
            with (tmp_path / "b").open("rb") as file:
                store.imports.insert_bundle(file)
        for table in ("threads", "messages", "checkpoints", "thread_dynamic_tools", "thread_goals"):
            key = "id" if table == "threads" else "thread_id"
            sql = f"SELECT * FROM {table} WHERE {key} = ? ORDER BY rowid"  # noqa: S608 - our own names
            assert rows(other, sql, thread_id) == rows(imported.db, sql, thread_id)
        with StateStore.open(other) as store:
            assert len(store.imports.hidden(thread_id)) == (thread_id == "s")


def test_a_thread_goes_into_a_file(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "talk.md"
    done = cli("export", "t-main", "-O", path)
    assert (done.lines, done.notes) == ([str(path)], ["exported 1 thread with 2 messages"])
    assert path.read_bytes() == cli("export", "t-main").stdout
    assert mode(path) == 0o600
    path.write_text("mine")
    assert cli.fails(4, "export", "t-main", "-O", path) == f"{path} exists; --force replaces it"
    assert path.read_text() == "mine"
    cli("export", "t-main", "-O", path, "--force")
    assert path.read_text().startswith("# Main")


def test_a_dash_is_standard_output(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli("export", "t-main", "-O", "-").stdout == cli("export", "t-main").stdout
    told = cli("export", "t-main", "-O", "-", "-o", "json").json
    assert told == cli("export", "t-main", "-o", "json").json
    assert "need a folder" in cli.fails(2, "export", "t-main", "t-other", "-O", "-")
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_link_is_not_replaced(cli: Cli, tmp_path: Path, force: tuple[str, ...]) -> None:
    link, there, circle = tmp_path / "link.md", tmp_path / "there.md", tmp_path / "circle.md"
    link.symlink_to(there)
    circle.symlink_to(circle)
    for path in (link, circle, Path("/dev/stdout")):
        told = cli.fails(4, "export", "t-main", "-O", path, *force)
        assert told == f"{path} is a link; name the file that it leads to"
    there.write_text("mine")
    cli.fails(4, "export", "t-main", "-O", link, *force)
    assert (link.is_symlink(), there.read_text()) == (True, "mine")
    assert "is no file" in cli.fails(4, "export", "t-main", "-O", "/dev/null", *force)


@every_document
def test_many_threads_go_into_a_folder_with_an_index(cli: Cli, to: str, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "talks"
    done = cli("export", "t-main", "t-other", "t-main", "--to", to, "-O", folder)
    assert len(done.lines) == 2
    assert mode(folder) == 0o700
    names = sorted(path.name for path in folder.iterdir())
    index = [name for name in names if name.startswith("index.")]
    assert sorted([*(line.rpartition("/")[2] for line in done.lines), *index]) == names
    assert all(mode(folder / name) == 0o600 for name in names)
    page = (folder / index[0]).read_text()
    assert all(name in page for name in names if name not in index)
    before = snapshot(folder)
    cli.fails(4, "export", "t-main", "t-other", "--to", to, "-O", folder)
    assert snapshot(folder) == before
    cli("export", "t-main", "--to", to, "-O", folder, "--force")


def test_long_work_shows_how_far_it_is(cli: Cli, tmp_path: Path) -> None:
    with cli.store() as store:
        ids = [store.threads.ensure(f"thread {number}").id for number in range(500)]
    folder = tmp_path / "out"
    terminal = spawn("export", *ids, "-O", f"{folder}/", db=cli.db)
    deadline = time.monotonic() + 20
    while not folder.is_dir():
        assert time.monotonic() < deadline
    # It stands still for longer than short work takes, so the next thing it does is to say so.
    terminal.kill(signal.SIGSTOP)
    assert terminal.expect(["Exporting", pexpect.TIMEOUT], timeout=1) == 1
    terminal.kill(signal.SIGCONT)
    terminal.expect("Exporting")
    terminal.expect(r"\d %")
    done = finish(terminal)
    assert done.code == 0
    assert "exported 500 threads" in done.text
    assert len(names_in(folder)) == 501


def test_a_report_says_what_was_made(cli: Cli, tmp_path: Path) -> None:
    arguments = ("export", "t-main", "t-other", "-o", "json")
    found = cli(*arguments, "-O", tmp_path / "out").json
    assert [(one["thread_id"], one["messages"]) for one in found] == [("t-main", 2), ("t-other", 0)]
    for one in found:
        assert one["size"] == Path(one["path"]).stat().st_size
        assert (one["redacted"], one["document"]) == ({}, None)
    told = cli(*arguments).json
    assert [one["path"] for one in told] == [None, None]
    assert told[0]["document"] == cli("export", "t-main").text
    assert told[0]["size"] == found[0]["size"]


def test_names_come_from_no_unchecked_text(cli: Cli, tmp_path: Path) -> None:
    names = [
        "../../etc/passwd",
        "a/b",
        "",
        "漢字",
        "index",
        "CON",
        "-rf",
        "x" * 500,
        "A.b\x00\x1b c",
    ]
    with cli.store() as store:
        for number, name in enumerate([*names, *names]):
            store.threads.create(thread(f"../{number}\n'", name=name))
    given = [f"id:../{number}\n'" for number in range(2 * len(names))]
    done = cli("export", *given, "-O", tmp_path / "out", "-o", "json").json
    found = [one["path"].removeprefix(f"{tmp_path}/out/") for one in done]
    assert len(set(found)) == len(given)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,64}-[0-9a-f]{16}\.md", name) for name in found)
    assert sorted([*found, "index.md"]) == names_in(tmp_path / "out")


def test_ids_may_come_from_a_pipe(cli: Cli, tmp_path: Path) -> None:
    ids = cli("threads", "list", "--all", "-o", "id").stdout
    done = run("export", "-", "-O", tmp_path / "out", stdin=ids, db=cli.db)
    assert (done.code, len(done.lines)) == (0, 2)
    done = run("export", "-", "--to", "jsonl", stdin=b"t-main\n\nnope\n", db=cli.db)
    assert (done.code, done.stdout) == (3, b"")
    done = run("export", "-", stdin=b"", db=cli.db)
    assert (done.code, done.stdout) == (0, b"")
    assert done.notes == ["no thread was named; nothing was exported"]


def test_documents_of_lines_may_follow_one_another(cli: Cli) -> None:
    append(cli, "t-other", "there")
    for to in ("jsonl", "openai"):
        both = cli("export", "t-main", "t-other", "--to", to).text
        assert both == "".join(cli("export", one, "--to", to).text for one in ("t-main", "t-other"))
    assert "need a folder" in cli.fails(2, "export", "t-main", "t-other", "--to", "json")


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (3, ("nope",)),
        (4, ("t-",)),
        (3, ("t-main", "--branch", "99")),
        (3, ("t-other", "--branch", "1")),
        (2, ("t-main", "--branch", "newest")),
        (2, ("t-main", "--branch", "")),
        (2, ("t-main", "t-other", "--branch", "1", "--to", "jsonl")),
        (2, ("t-main", "--branch", "active", "--to", "agentstate")),
        (2, ("t-main", "--to", "word")),
        (2, ("t-main", "-O", "")),
        (5, ("t-main", "-O", "/proc/none/x.md")),
        (5, ("t-main", "t-other", "-O", "/proc/none")),
    ],
)
def test_what_cannot_be_done(cli: Cli, code: int, arguments: tuple[str, ...]) -> None:
    before = snapshot(cli.db.parent)
    cli.fails(code, "export", *arguments)
    assert snapshot(cli.db.parent) == before


def test_the_store_itself_and_what_is_no_file_are_not_replaced(cli: Cli, tmp_path: Path) -> None:
    before = snapshot(cli.db.parent)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    for name in ("state.db", "state.db-wal", "session_index.jsonl"):
        assert "of the store itself" in cli.fails(
            4, "export", "t-main", "-O", cli.db.parent / name, "--force"
        )
    assert "is no file" in cli.fails(4, "export", "t-main", "-O", tmp_path / "pipe", "--force")
    cli.fails(5, "export", "t-main", "t-other", "-O", tmp_path / "file", "--force")
    assert snapshot(cli.db.parent) == before


def test_a_damaged_thread_costs_no_other(cli: Cli, tmp_path: Path) -> None:
    with raw(cli.db) as connection:
        connection.execute("UPDATE threads SET current_leaf_id = 999 WHERE id = 't-main'")
    folder = tmp_path / "out"
    done = cli.run("export", "t-main", "t-other", "-O", folder)
    assert (done.code, len(done.lines)) == (6, 1)
    assert "1 of 2 threads were not exported; the first: thread 't-main'" in done.notes[-1]
    assert sorted(path.suffix for path in folder.iterdir()) == [".md", ".md"]
    cli.fails(6, "export", "t-main", "-O", tmp_path / "none" / "x/")
    assert not (tmp_path / "none").exists()
    whole = cli("export", "t-main", "--branch", "all")
    assert "without an active branch" in whole.notes[0]
    assert whole.text.count("<a id=") == 4


def test_messages_whose_parents_go_in_a_circle_are_exported(cli: Cli) -> None:
    with raw(cli.db) as connection:
        connection.execute("UPDATE messages SET parent_entry_id = 3 WHERE id = 1")
    for to in ("markdown", "html", "json", "jsonl", "agentstate"):
        done = cli("export", "t-main", "--to", to, "--branch", "all")
        assert all(text in done.text for text in ("Why does it fail?", "Fix it", "It does not"))


@every_document
def test_secrets_do_not_leave(cli: Cli, to: str, tmp_path: Path) -> None:
    append(cli, "t-main", f"key {SECRET}", item={"key": SECRET, "n": 1})
    with cli.store() as store:
        store.threads.rename("t-main", f"Talk {SECRET}")
        store.threads.update("t-main", cwd="/home/someone/src", rollout_path="/home/someone/x")
        store.checkpoints.save("t-main", "cp2", {"token": SECRET})
        store.messages.append("t-main", "assistant", f'[tool call: x] {{"k":"{SECRET}"}}')
    done = cli("export", "t-main", "--to", to, "--redact", "--branch", "all")
    assert "redacted: " in done.notes[-1]
    assert re.search(r"\d", done.notes[-1])
    assert SECRET not in done.text
    assert "someone" not in done.text
    assert "Why does it fail?" in done.text
    into = cli("export", "t-main", "--to", to, "--redact", "-O", f"{tmp_path}/out/", "-o", "json")
    assert SECRET[4:12] not in " ".join(names_in(tmp_path / "out"))
    for path in (tmp_path / "out").iterdir():
        assert SECRET not in path.read_text()
        assert "someone" not in path.read_text()
    assert sum(into.json[0]["redacted"].values()) > 0
    assert SECRET in cli("export", "t-main", "--to", to).text


@pytest.fixture
def telling(cli: Cli) -> Cli:
    """Add two threads of a source whose ids tell secrets; hidden and thought ones as well."""
    for number in (1, 2):
        events: list[Event] = [
            Start(f"x {SECRET[:-1]}{number}", 1),
            Message(f"a {SECRET}", None, "user", "said", None, 1),
            Message(
                f"a {SECRET[:-1]}x", f"a {SECRET}", "user", f"aside {SECRET}", None, 2, hidden=True
            ),
            Message("c", f"a {SECRET[:-1]}x", "assistant", f"[thinking] {SECRET}\n\nhm", None, 3),
            Session(
                session_id=f"x {SECRET[:-1]}{number}",
                leaf="c",
                created_at=1,
                updated_at=3,
                title=f"Telling {number}",
                cwd="/home/someone/src",
                parent_session_id=f"y {SECRET}",
                relation=Relation.FORK,
            ),
        ]
        with cli.store() as store:
            store.imports.merge(events, format_name="codex", source=f"/home/someone/{SECRET}.jsonl")
    return cli


@every_document
def test_ids_that_another_program_chose_do_not_leave(telling: Cli, to: str) -> None:
    done = telling("export", "Telling 1", "--to", to, "--redact", "--all", "--branch", "all")
    assert SECRET[:-1] not in done.text
    assert "someone" not in done.text
    if to == "json":
        origin = done.json["origin"]
        assert origin["session_id"] == "x [redacted: github-token]"
        assert origin["parent_session_id"] == "y [redacted: github-token]"
        assert origin["source_path"] == "~/[redacted: github-token].jsonl"


def test_redacted_bundles_of_one_source_go_into_one_store(telling: Cli, tmp_path: Path) -> None:
    bundles = [
        telling("export", f"Telling {number}", "--to", "agentstate", "--redact").stdout
        for number in (1, 2)
    ]
    other = tmp_path / "other" / "state.db"
    with StateStore.open(other) as store:
        for bundle in bundles:
            (tmp_path / "b").write_bytes(bundle)
            with (tmp_path / "b").open("rb") as file:
                store.imports.insert_bundle(file)
        assert len({origin.session_id for origin in store.imports.list()}) == 2
    found = rows(other, "SELECT native_id FROM agentstate_imported_messages ORDER BY message_id")
    assert [row[0] for row in found[:3]] == [
        "a [redacted: github-token]",
        "a [redacted: github-token] 2",
        "c",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("openai",), "found nothing to redact"),
        (("openai", "--all"), "redacted: github-token 1"),
        (("jsonl", "--branch", "active"), "redacted: github-token 2"),
        (("markdown",), "redacted: github-token 3, home-path 2"),
        (("html",), "redacted: github-token 4, home-path 2"),
        (("json",), "redacted: github-token 6, home-path 3"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_what_leaves_is_counted_and_nothing_else(
    telling: Cli, arguments: tuple[str, ...], told: str
) -> None:
    done = telling("export", "Telling 1", "--redact", "--to", *arguments)
    assert done.notes[-1] == told
    marks = done.text.count("redacted: github-token")
    # A page for a browser says some of what it holds again, in summaries.
    assert f"github-token {marks}" in told or not marks or arguments == ("html",)


def test_what_an_index_tells_is_counted(telling: Cli, tmp_path: Path) -> None:
    done = telling("export", "Telling 1", "--redact", "--to", "openai", "-O", f"{tmp_path}/out/")
    assert done.notes[-1] == "redacted: home-path 1"


def test_nothing_to_redact_is_said(cli: Cli) -> None:
    assert cli("export", "t-other", "--redact").notes == ["found nothing to redact"]


def test_a_redacted_bundle_is_a_bundle(cli: Cli, tmp_path: Path) -> None:
    append(cli, "t-main", f"key {SECRET}")
    with raw(cli.db) as connection:
        connection.execute(
            "UPDATE messages SET item_json = ?, content = CAST(? AS TEXT) WHERE id = 4",
            (f"not json {SECRET}", b"\xff " + SECRET.encode()),
        )
    bundle = cli("export", "t-main", "--to", "agentstate", "--redact").stdout
    *lines, end = bundle.splitlines(keepends=True)
    assert json.loads(end)["sha256"] == hashlib.sha256(b"".join(lines)).hexdigest()
    (tmp_path / "b").write_bytes(bundle)
    with (
        StateStore.open(tmp_path / "new" / "state.db") as store,
        (tmp_path / "b").open("rb") as file,
    ):
        store.imports.insert_bundle(file)
    with raw(tmp_path / "new" / "state.db") as connection:
        connection.text_factory = bytes
        found = connection.execute("SELECT content, item_json FROM messages").fetchall()
    assert SECRET.encode() not in b"".join(cell for row in found for cell in row if cell)
    assert found[3][0].startswith(b"\xff ")


def test_a_reader_may_leave_early(cli: Cli) -> None:
    append(cli, "t-main", *["x" * 100_000] * 20)
    for to in DOCUMENTS:
        with start("export", "t-main", "--to", to, db=cli.db) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.read(10)
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(30) == 0


def test_a_screen_gets_nothing_that_acts(cli: Cli) -> None:
    append(cli, "t-main", "a\x1b[31m\u202eb\x00c", item={"x": "\x1b[31m\u202e"})
    for to in DOCUMENTS:
        seen = cli.screen("export", "t-main", "--to", to).text
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", seen)


def test_a_document_is_whole_or_not_there(cli: Cli, tmp_path: Path) -> None:
    with raw(cli.db) as connection:
        connection.execute("UPDATE messages SET item_json = '{' WHERE id = 4")
    cli.fails(6, "export", "t-main", "--branch", "active", "-O", tmp_path / "talk.md")
    assert not list(tmp_path.glob("*talk*"))


def test_what_was_chat_is_chat_again(cli: Cli, tmp_path: Path) -> None:
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}], "name": "u"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "42"},
        {"role": "assistant", "content": "42", "weight": 1},
    ]
    path = tmp_path / "chat.jsonl"
    path.write_text(json.dumps({"messages": messages}) + "\n")
    cli("import", path, "--format", "openai", "--name", "Chat")
    assert lines_of(cli("export", "Chat", "--to", "openai").text) == [{"messages": messages}]
