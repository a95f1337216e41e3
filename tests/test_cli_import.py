"""`agentstate import`: what it reads, what it says, and what it leaves alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from typing import TYPE_CHECKING, Any, Final

import pexpect  # type: ignore[import-untyped] # it has no types
import pytest

from agentstate import StateStore
from cli_support import finish, interrupt, run, spawn, start
from format_support import lines
from support import STRANGER, as_root, new_store, raw, rows, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cli_support import Cli

SESSION: Final = "0a1b2c3d-4e5f-4061-8071-2a3b4c5d6e7f"
CODEX: Final = "11111111-2222-4333-8444-555555555555"


def said(number: int, text: str, parent: int | None, **more: object) -> dict[str, Any]:
    """Return a line of Claude Code's."""
    role = "user" if number % 2 else "assistant"
    return {
        "type": role,
        "uuid": f"u{number}",
        "parentUuid": None if parent is None else f"u{parent}",
        "sessionId": SESSION,
        "timestamp": f"2026-01-02T03:{number // 60 % 60:02}:{number % 60:02}.000Z",
        "cwd": "/src/app",
        "version": "2.1.0",
        "message": {"role": role, "content": text},
        **more,
    }


STORY: Final = [said(1, "Why?", None), said(2, "Because.", 1), said(3, "Show me", 2)]


def claude_file(folder: Path, given: Iterable[object] = STORY, session: str = SESSION) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{session}.jsonl"
    path.write_bytes(lines(*given))
    return path


def codex_file(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"rollout-2026-01-02T03-04-05-{CODEX}.jsonl"
    meta = {"id": CODEX, "timestamp": "2026-01-02T03:04:05Z", "cwd": "/src/lib"}
    asked = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Go"}]}
    path.write_bytes(
        lines(
            {"timestamp": "2026-01-02T03:04:05Z", "type": "session_meta", "payload": meta},
            {"timestamp": "2026-01-02T03:04:06Z", "type": "response_item", "payload": asked},
        )
    )
    return path


@pytest.fixture
def empty(cli: Cli, tmp_path: Path) -> Cli:
    """Return the command line on a store that is not there yet."""
    return cli.on(tmp_path / "new" / "state.db")


def texts(db: Path) -> list[str]:
    return [text for (text,) in rows(db, "SELECT content FROM messages ORDER BY id")]


def test_a_file_becomes_a_thread(empty: Cli, tmp_path: Path) -> None:
    path = claude_file(tmp_path)
    done = empty("import", path)
    assert done.lines == [SESSION]
    assert done.notes == [
        f"created {empty.db}",
        "1 thread created, 0 grown, 0 unchanged; 3 messages added",
    ]
    assert texts(empty.db) == ["Why?", "Because.", "Show me"]
    shown = empty("threads", "show", SESSION, "-o", "json").json
    assert (shown["cwd"], shown["rollout_path"], shown["preview"]) == (
        "/src/app",
        str(path),
        "Why?",
    )
    assert empty("doctor").code == 0


def test_importing_again_adds_what_is_new(empty: Cli, tmp_path: Path) -> None:
    empty("import", claude_file(tmp_path))
    again = empty("import", claude_file(tmp_path))
    assert again.lines == [SESSION]
    assert again.notes[-1] == "0 threads created, 0 grown, 1 unchanged; 0 messages added"
    grown = [*STORY, said(4, "Here", 3), said(5, "Another way?", 2)]
    done = empty("import", claude_file(tmp_path, grown), "-o", "json").json
    ((thread,),) = (file["threads"] for file in done["files"])
    assert (thread["created"], thread["added"], thread["messages"], thread["leaf"]) == (
        False,
        2,
        5,
        "moved",
    )
    assert empty("messages", "list", SESSION, "--fields", "content").lines == [
        "Why?",
        "Because.",
        "Another way?",
    ]
    assert texts(empty.db) == ["Why?", "Because.", "Show me", "Here", "Another way?"]


def test_a_leaf_that_was_moved_stays(empty: Cli, tmp_path: Path) -> None:
    empty("import", claude_file(tmp_path))
    empty("messages", "checkout", f"{SESSION}~2")
    before = empty("messages", "show", f"{SESSION}@leaf", "--fields", "id").lines
    done = empty("import", claude_file(tmp_path, [*STORY, said(4, "Here", 3)]), "-o", "jsonl")
    assert done.json["leaf"] == "kept"
    assert empty("messages", "show", f"{SESSION}@leaf", "--fields", "id").lines == before


def test_a_folder_is_searched_and_what_is_no_session_is_left_out(
    empty: Cli, tmp_path: Path
) -> None:
    folder = tmp_path / "mixed"
    claude_file(folder / "claude" / "project")
    codex_file(folder / "codex" / "2026")
    (folder / "notes.jsonl").write_text("not JSON\n")
    (folder / "readme.md").write_text("# Nothing\n")
    done = empty("import", folder, "-o", "jsonl")
    found = [json.loads(line) for line in done.lines]
    assert [(one["format"], one["session_id"]) for one in found] == [
        ("claude-code", SESSION),
        ("codex", CODEX),
    ]
    assert done.notes[1:] == ["2 threads created, 0 grown, 0 unchanged; 4 messages added"]


def test_a_folder_without_sessions_is_no_error(empty: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert empty("import", folder).lines == []


def test_a_pattern_that_the_shell_left_is_expanded(empty: Cli, tmp_path: Path) -> None:
    claude_file(tmp_path / "a" / "b")
    codex_file(tmp_path / "a" / "c")
    assert empty("import", f"{tmp_path}/a/**/*.jsonl").lines == [SESSION, CODEX]


def test_a_file_is_read_once(empty: Cli, tmp_path: Path) -> None:
    path = claude_file(tmp_path / "a")
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    assert empty("import", path, tmp_path / "a", path, link).lines == [SESSION]


@pytest.mark.parametrize(
    "name", ["garbage.jsonl", "empty.jsonl", "missing.jsonl", "odd [1]*.jsonl"]
)
def test_a_named_file_that_yields_nothing_is_an_error_and_the_others_are_imported(
    empty: Cli, tmp_path: Path, name: str
) -> None:
    bad = tmp_path / name
    if name == "garbage.jsonl":
        bad.write_bytes(bytes(range(256)) * 10)
    elif name == "empty.jsonl":
        bad.write_bytes(b"")
    done = empty.run("import", bad, claude_file(tmp_path))
    assert (done.code, done.lines) == (7, [SESSION])
    assert done.notes[-1] == f"agentstate: nothing came of 1 file: {bad}"
    assert any(note.startswith(f"{bad}: it ") for note in done.notes)
    assert len(texts(empty.db)) == 3


def test_damage_is_counted_and_named(empty: Cli, tmp_path: Path) -> None:
    path = claude_file(tmp_path, [STORY[0], "{broken", STORY[1], STORY[0]])
    with path.open("ab") as file:
        file.write(lines(STORY[2])[:-20])
    done = empty("import", path)
    assert done.notes[1] == (
        f"{path}: 1 bad line (2), 1 message that came twice (4), 1 torn last line (5)"
    )
    assert empty("-q", "import", path).notes == []
    report = empty("import", path, "-o", "json").json
    assert report["files"][0]["notes"][0] == {"what": "bad_line", "times": 1, "lines": [2]}


def test_standard_input_is_read(tmp_path: Path) -> None:
    db = tmp_path / "state.db"
    done = run("import", "-", db=db, stdin=lines(*STORY))
    assert (done.code, done.lines) == (0, [SESSION])
    assert rows(db, "SELECT rollout_path FROM threads") == [(None,)]


def test_a_pipe_is_read(empty: Cli, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(lines(*STORY),))
    writer.start()
    assert empty("import", pipe).lines == [SESSION]
    writer.join()


def test_a_dry_run_changes_nothing_and_makes_no_store(empty: Cli, tmp_path: Path) -> None:
    path = claude_file(tmp_path)
    done = empty("import", path, "--dry-run")
    assert done.lines == [SESSION]
    assert done.notes == [
        "1 thread would be created, 0 would be grown, 0 unchanged; 3 messages would be added"
    ]
    assert not empty.db.parent.exists()
    empty("import", path)
    before = snapshot(empty.db.parent)
    claude_file(tmp_path, [*STORY, said(4, "Here", 3)])
    report = empty("import", path, "--dry-run", "-o", "json").json
    assert (report["dry_run"], report["grown"], report["messages"]) == (True, 1, 1)
    assert snapshot(empty.db.parent) == before


def test_a_name_is_for_one_session(empty: Cli, tmp_path: Path) -> None:
    path = claude_file(tmp_path)
    empty("import", path, "--name", "Mine")
    assert rows(empty.db, "SELECT title FROM threads") == [("Mine",)]
    error = empty.fails(2, "import", path, codex_file(tmp_path), "--name", "Both")
    assert error == "--name is for one session, and there are several"


def test_only_what_changed_since(empty: Cli, tmp_path: Path) -> None:
    path = claude_file(tmp_path)
    done = empty("import", path, "--since", "2026-01-03")
    assert (done.lines, texts(empty.db)) == ([], [])
    assert done.notes[-1].endswith("; 0 messages added; 1 older session left out")
    assert empty("import", path, "--since", "2026-01-02T03:00:00Z").lines == [SESSION]


@as_root
def test_what_in_a_folder_cannot_be_read_is_told(public_folder: Path) -> None:
    folder = public_folder / "logs"
    (folder / "closed").mkdir(parents=True)
    (folder / "closed").chmod(0o700)
    good, closed = claude_file(folder), folder / "closed.jsonl"
    good.chmod(0o644)
    closed.write_bytes(good.read_bytes())
    closed.chmod(0o600)
    (folder / "others.jsonl").write_text('{"of": "another program"}\n')
    (public_folder / "mine").mkdir()
    os.chown(public_folder / "mine", STRANGER, STRANGER)
    db = public_folder / "mine" / "state.db"
    done = run("import", folder, db=db, user=STRANGER)
    assert (done.code, done.lines) == (0, [SESSION])
    assert set(done.notes) >= {
        f"{closed}: it cannot be read: Permission denied",
        f"{folder / 'closed'}: it cannot be read: Permission denied",
    }
    assert not any("others" in note for note in done.notes)


def test_paths_are_remapped(empty: Cli, tmp_path: Path) -> None:
    empty("import", claude_file(tmp_path), "--remap-path", "/src=/code")
    assert rows(empty.db, "SELECT cwd FROM threads") == [("/code/app",)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give PATHs, or --discover for all known places"),
        (("x", "--discover"), "give PATHs, or --discover for all known places, not both"),
        (("",), "a PATH is empty; . is the current folder"),
        (("x", "--remap-path", "/a"), "--remap-path takes OLD=NEW, not '/a'"),
        (("x", "--since", "soon"), "--since takes Unix seconds, ISO 8601, or an age such as 90s,"),
        (("x", "--format", "word"), "there is no format 'word'; there are auto, claude-code, "),
        (("--discover", "--format", "agentstate"), "bundles have no known place; give PATHs"),
    ],
)
def test_wrong_arguments_are_refused_and_no_store_is_made(
    empty: Cli, arguments: tuple[str, ...], message: str
) -> None:
    assert empty.fails(2, "import", *arguments).startswith(message)
    assert not empty.db.exists()


def test_a_format_that_is_named_is_believed(empty: Cli, tmp_path: Path) -> None:
    path = claude_file(tmp_path)
    done = empty.run("import", path, "--format", "codex")
    assert (done.code, done.lines) == (7, [])
    assert f"{path}: it holds no message of codex" in done.notes
    assert empty("import", path, "--format", "claude-code").lines == [SESSION]


def test_known_places_are_listed_and_read(tmp_path: Path) -> None:
    db = tmp_path / "state.db"
    claude = claude_file(tmp_path / "claude" / "projects" / "-src-app")
    codex_file(tmp_path / "codex" / "sessions" / "2026" / "01" / "02")
    environ = {
        "HOME": str(tmp_path),
        "CLAUDE_CONFIG_DIR": str(tmp_path / "claude"),
        "CODEX_HOME": str(tmp_path / "codex"),
    }
    done = run("import", "--discover", db=db, environ=environ)
    assert (done.code, done.lines) == (0, [SESSION, CODEX])
    size = claude.stat().st_size
    assert done.notes[0] == f"claude-code: 1 file, {size} bytes"
    assert done.notes[1].startswith("codex: 1 file, ")
    only = run("import", "--discover", "--format", "codex", "-o", "id", db=db, environ=environ)
    assert only.lines == [CODEX]
    nothing = run("import", "--discover", db=db, environ={"HOME": str(tmp_path / "nobody")})
    assert (nothing.code, nothing.lines) == (0, [])
    assert nothing.notes[0] == "nothing was found in the places that are known"


def test_answers_in_every_shape(empty: Cli, tmp_path: Path) -> None:
    path = claude_file(tmp_path)
    empty("import", path)
    assert empty("import", path, "-o", "tsv").cells == [
        [SESSION, SESSION, "claude-code", "false", "3", "0", "unchanged", "Why?", str(path)]
    ]
    assert empty("import", path, "--fields", "thread_id,added").cells == [[SESSION, "0"]]
    assert empty("import", path, "-0").stdout == f"{SESSION}\0".encode()
    screen = empty.screen("import", path, width=100).text
    assert "unchanged" in screen
    assert "claude-code" in screen


def many(number: int) -> list[dict[str, Any]]:
    return [said(one, f"{one} {'x' * 500}", one - 1 or None) for one in range(1, number + 1)]


def test_long_work_shows_how_far_it_is(tmp_path: Path) -> None:
    path = claude_file(tmp_path, many(8000))
    db = new_store(tmp_path / "state.db")
    with raw(db) as other:
        other.execute("BEGIN IMMEDIATE")
        terminal = spawn("--timeout", "60", "import", path, db=db)
        assert terminal.expect(["Importing", pexpect.TIMEOUT], timeout=2) == 1
        other.execute("ROLLBACK")
    # It has waited for longer than short work takes, so the next thing it does is to say so.
    terminal.expect("Importing")
    terminal.expect(r"\d %")
    done = finish(terminal)
    assert done.code == 0
    assert "8000 messages added" in done.text


def test_nothing_to_import_makes_no_store(empty: Cli, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    empty("import", tmp_path / "folder")
    (tmp_path / "junk.txt").write_text("junk")
    assert empty.run("import", tmp_path / "junk.txt", tmp_path / "missing").code == 7
    assert not empty.db.parent.exists()


def test_an_interruption_leaves_a_shorter_thread_which_the_next_import_completes(
    tmp_path: Path,
) -> None:
    path = claude_file(tmp_path, many(12_000))
    db = new_store(tmp_path / "state.db")
    with start("import", path, db=db) as process:
        while not rows(db, "SELECT count(*) FROM messages")[0][0]:
            assert process.poll() is None
        done = interrupt(process, signal.SIGINT)
    assert done.code == 130
    assert 0 < len(texts(db)) < 12_000
    with StateStore.open(db, read_only=True) as store:
        assert len(store.messages.branch_ids(SESSION)) == len(texts(db))
    assert run("import", path, db=db).code == 0
    assert len(set(texts(db))) == len(texts(db)) == 12_000


def test_eight_imports_at_once_bring_each_message_once(tmp_path: Path) -> None:
    path = claude_file(tmp_path, many(600))
    db = tmp_path / "state.db"
    running = [start("import", path, "-o", "json", db=db) for _ in range(8)]
    added = 0
    for process in running:
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
        added += json.loads(stdout)["messages"]
    assert added == 600
    assert len(set(texts(db))) == len(texts(db)) == 600
    with StateStore.open(db, read_only=True) as store:
        assert len(store.messages.branch_ids(SESSION)) == 600


def test_a_bundle_comes_in_as_it_went_out(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "bundle.jsonl"
    cli("export", "t-main", "--to", "agentstate", "-O", out)
    other = cli.on(tmp_path / "other" / "state.db")
    assert other("import", out).lines == ["t-main"]
    copy = tmp_path / "again.jsonl"
    other("export", "t-main", "--to", "agentstate", "-O", copy)
    first, *rest = copy.read_bytes().splitlines()
    original, *others = out.read_bytes().splitlines()
    assert rest[:-1] == others[:-1]
    moving = {"written_at", "schema_version"}
    assert {**json.loads(first), **dict.fromkeys(moving)} == {
        **json.loads(original),
        **dict.fromkeys(moving),
    }
    assert other("import", out, "-o", "jsonl").json["added"] == 0
    for shape in ((), ("-0",), ("-o", "id")):
        assert other("import", out, "--new-ids", "--dry-run", *shape).stdout == b""
    (new,) = other("import", out, "--new-ids").lines
    assert new != "t-main"
    shutil.rmtree(other.db.parent)


def test_a_bundle_that_meets_another_thread_costs_no_other(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "bundle.ndjson"
    cli("export", "t-main", "--to", "agentstate", "-O", out)
    cli("messages", "append", "t-main", "--role", "user", "--content", "gone on")
    done = cli.run("import", out, claude_file(tmp_path))
    assert (done.code, done.lines) == (4, [SESSION])
    assert done.notes[-1] == "agentstate: 1 bundle met what is there already"
    assert done.notes[0].startswith(f"{out}: thread 't-main' ")
    assert cli.fails(2, "import", out, "--name", "Other").startswith("--name is not for bundles")


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_that_was_exported_is_refused_for_it_is_no_chain(
    cli: Cli, tmp_path: Path, form: str
) -> None:
    out = tmp_path / "out.json"
    cli("export", "t-main", "--to", form, "-O", out)
    done = cli.run("import", out)
    assert (done.code, done.lines) == (7, [])
    assert done.notes[0] == (
        f"{out}: JSON that export made does not bring a thread back; "
        "what export --to agentstate made does"
    )
    assert cli("import", tmp_path / "store").notes == ["nothing to import was found"]
