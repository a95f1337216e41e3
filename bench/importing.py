"""An import of large files, against json.loads over their lines and one executemany of the rows.

    python bench/importing.py [ROUNDS]

For each format a file of 50,000 records is written, and imported into a fresh store; the other
side decodes every line and inserts the very threads and messages that the import made, in one
transaction. They take turns; the least CPU time of each is compared. Exits 1 above a limit.
"""

from __future__ import annotations

import gc
import json
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentstate import StateStore
from agentstate.formats.source import Source
from agentstate.store.imports.files import ImportChoices, import_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Record = dict[str, Any]
    Row = tuple[Any, ...]

ROUNDS: Final = 3
RECORDS: Final = 50_000
LIMIT: Final = 4.0
TEXT: Final = "the parser drops its last token when the stream ends in the middle of a line"
QUESTION, CALL, RESULT, ANSWER = range(4)
TABLES: Final = ("threads", "messages")


def text(number: int, times: int = 4) -> str:
    """Return some text, not the same for any two numbers."""
    return f"{number} {(TEXT[number % len(TEXT) :] + TEXT) * times}"


def stamp(number: int) -> str:
    """Return a time in ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(1_760_000_000 + number))


def claude_code() -> Iterator[Record]:
    """Yield a session: of four records one is a question, two are a tool's, one is an answer."""
    session = "0a1b2c3d-4e5f-4061-8071-2a3b4c5d6e7f"
    for number in range(RECORDS):
        kind = number % 4
        content: Any = text(number)
        if kind == CALL:
            use = {
                "type": "tool_use",
                "id": f"toolu_{number}",
                "name": "Bash",
                "input": {"command": "ls"},
            }
            content = [{"type": "text", "text": text(number, 1)}, use]
        elif kind == RESULT:
            content = [
                {
                    "type": "tool_result",
                    "tool_use_id": f"toolu_{number - 1}",
                    "content": text(number, 15),
                }
            ]
        elif kind == ANSWER:
            content = [{"type": "text", "text": text(number)}]
        role = "assistant" if kind in {CALL, ANSWER} else "user"
        yield {
            "parentUuid": uuid(number - 1) if number else None,
            "isSidechain": False,
            "userType": "external",
            "cwd": "/home/u/src/app",
            "sessionId": session,
            "version": "2.1.0",
            "gitBranch": "main",
            "type": role,
            "message": {"role": role, "content": content, "id": f"msg_{number}"},
            "uuid": uuid(number),
            "timestamp": stamp(number),
        }


def uuid(number: int) -> str:
    """Return an id of the usual form."""
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def codex() -> Iterator[Record]:
    """Yield a rollout: of four items one is a question, two are a tool's, one is an answer."""
    meta = {
        "id": uuid(1),
        "timestamp": stamp(0),
        "cwd": "/home/u/src/app",
        "cli_version": "0.146.0",
    }
    yield {"timestamp": stamp(0), "type": "session_meta", "payload": meta}
    for number in range(1, RECORDS):
        kind = number % 4
        payload: Record = {
            "type": "message",
            "role": "user" if kind == QUESTION else "assistant",
            "content": [
                {"type": "input_text" if kind == QUESTION else "output_text", "text": text(number)}
            ],
        }
        if kind == CALL:
            arguments = json.dumps({"command": ["ls", "-la"]})
            payload = {
                "type": "function_call",
                "name": "shell",
                "arguments": arguments,
                "call_id": f"c{number}",
            }
        elif kind == RESULT:
            payload = {
                "type": "function_call_output",
                "call_id": f"c{number - 1}",
                "output": text(number, 15),
            }
        yield {"timestamp": stamp(number), "type": "response_item", "payload": payload}


def pi() -> Iterator[Record]:
    """Yield a session of version 3, in which each tenth message branches off five back."""
    yield {
        "type": "session",
        "version": 3,
        "id": uuid(0),
        "timestamp": stamp(0),
        "cwd": "/home/u/src/app",
    }
    for number in range(1, RECORDS):
        parent = number - 5 if number % 10 == 0 else number - 1
        role = "user" if number % 2 else "assistant"
        yield {
            "type": "message",
            "id": f"{number:08x}",
            "parentId": f"{parent:08x}" if parent > 0 else None,
            "timestamp": stamp(number),
            "message": {"role": role, "content": [{"type": "text", "text": text(number)}]},
        }


def openai() -> Iterator[Record]:
    """Yield short conversations, ten messages each."""
    for number in range(RECORDS // 10):
        messages = [
            {
                "role": "user" if place % 2 == 0 else "assistant",
                "content": text(number * 10 + place),
            }
            for place in range(10)
        ]
        yield {"messages": messages}


def import_file(path: Path, store_path: Path) -> None:
    """Import a file into a fresh store."""
    with StateStore.open(store_path) as store:
        (done,) = import_sources(store.imports, [Source.of_file(path)], ImportChoices())
    if done.error is not None:
        raise RuntimeError(done.error)


def load_and_insert(path: Path, store_path: Path, rows: dict[str, list[Row]]) -> None:
    """Decode every line, and insert the rows."""
    with StateStore.open(store_path):
        pass
    with path.open("rb") as file:
        for line in file:
            json.loads(line)
    with closing(sqlite3.connect(store_path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        for table, values in rows.items():
            places = ", ".join("?" * len(values[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({places})", values)  # noqa: S608 - names of our own
        connection.execute("COMMIT")


def rows_of(store_path: Path) -> dict[str, list[Row]]:
    """Return the threads and the messages that an import made."""
    with closing(sqlite3.connect(store_path)) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()  # noqa: S608 - as above
            for table in TABLES
        }


def least(rounds: int, folder: Path, *jobs: Callable[[Path], None]) -> list[float]:
    """Return the least seconds of CPU time of each job; each round all of them take a turn."""
    best = [float("inf")] * len(jobs)
    for _ in range(rounds):
        for place, job in enumerate(jobs):
            run = folder / "run"
            run.mkdir()
            gc.collect()
            began = time.process_time()
            job(run / "state.db")
            best[place] = min(best[place], time.process_time() - began)
            shutil.rmtree(run)
    return best


def measure(make: Callable[[], Iterator[Record]], folder: Path, rounds: int) -> float:
    """Measure one format, say what came out, and return the ratio."""
    path = folder / f"{make.__name__}.jsonl"
    with path.open("w") as file:
        file.writelines(json.dumps(record) + "\n" for record in make())
    import_file(path, folder / "first.db")
    rows = rows_of(folder / "first.db")
    for one in folder.glob("first.db*"):
        one.unlink()
    (folder / "session_index.jsonl").unlink()
    plain, ours = least(
        rounds,
        folder,
        lambda store: load_and_insert(path, store, rows),
        lambda store: import_file(path, store),
    )
    size = path.stat().st_size / 1e6
    print(
        f"{make.__name__:12} {size:6.1f} MB {len(rows['messages']):7} messages "
        f"{plain:6.2f} s {ours:6.2f} s {ours / plain:5.2f}x {size / ours:6.1f} MB/s",
        flush=True,
    )
    return ours / plain


def main() -> int:
    """Measure every format."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    ratios = []
    for make in (claude_code, codex, pi, openai):
        with tempfile.TemporaryDirectory() as folder:
            ratios.append(measure(make, Path(folder), rounds))
    print(f"worst {max(ratios):.2f}x, limit {LIMIT}x")
    return int(max(ratios) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
