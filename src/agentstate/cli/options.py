"""Options and arguments that several verbs share, each defined once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from agentstate.cli.completers import (
    complete_checkpoints,
    complete_fields,
    complete_files,
    complete_files_after_at,
    complete_jobs,
    complete_messages,
    complete_roles,
    complete_threads,
)


class OutputFormat(StrEnum):
    """The shapes of an answer."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    TSV = "tsv"
    ID = "id"


def _output(default: str) -> Any:  # noqa: ANN401 - what typer.Option returns
    return typer.Option(
        "--output",
        "-o",
        help=f"The shape of the answer. Default: {default}.",
        show_default=False,
    )


Output = Annotated[OutputFormat | None, _output("table on a terminal, tsv in a pipe")]
OutputOfIds = Annotated[OutputFormat | None, _output("table on a terminal, ids in a pipe")]
OutputOfId = Annotated[OutputFormat | None, _output("the id alone")]
OutputOfPath = Annotated[OutputFormat | None, _output("the path alone")]
OutputOfRecovery = Annotated[OutputFormat | None, _output("table on a terminal, path in a pipe")]
OutputOfExport = Annotated[OutputFormat | None, _output("the paths with -O, else the documents")]
Fields = Annotated[
    str | None,
    typer.Option(
        "--fields",
        metavar="A,B",
        help="Only these fields, in this order.",
        autocompletion=complete_fields,
    ),
]
Nul = Annotated[
    bool, typer.Option("-0", "--null", help="End each id with NUL, for xargs -0 (with -o id).")
]
Raw = Annotated[
    bool, typer.Option("--raw", help="Write stored text raw, also what a terminal obeys.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=0, help="How many at most; 0 means all.")
]
Role = Annotated[
    str,
    typer.Option(
        "--role",
        metavar="TEXT",
        help="Who speaks, such as user or assistant.",
        autocompletion=complete_roles,
    ),
]
Content = Annotated[str | None, typer.Option("--content", metavar="TEXT", help="The text.")]
ContentFile = Annotated[
    Path | None,
    typer.Option(
        "--content-file",
        metavar="PATH|-",
        help="A file that holds the text; - is standard input.",
        autocompletion=complete_files,
    ),
]
Item = Annotated[
    str | None,
    typer.Option(
        "--item",
        metavar="JSON|@FILE",
        help="The structured form of the message.",
        autocompletion=complete_files_after_at,
    ),
]
Thread = Annotated[
    str,
    typer.Argument(
        metavar="THREAD",
        help="An id, a name, the start of an id, @last, @cwd, id:X or name:X.",
        autocompletion=complete_threads,
    ),
]
ThreadOfMessage = Annotated[
    str | None,
    typer.Argument(
        metavar="[THREAD]",
        help="An id, a name, the start of an id, @last, @cwd, id:X or name:X. "
        "May be left out where an option names a message.",
        autocompletion=complete_threads,
        show_default=False,
    ),
]
Message = Annotated[
    str,
    typer.Argument(
        metavar="MESSAGE",
        help="An id (66 or #66), THREAD@leaf, or THREAD~N for N above the leaf.",
        autocompletion=complete_messages,
    ),
]
Job = Annotated[
    str, typer.Argument(metavar="JOB", help="A job's id.", autocompletion=complete_jobs)
]
Checkpoint = Annotated[
    str,
    typer.Argument(metavar="ID", help="The checkpoint's id.", autocompletion=complete_checkpoints),
]
LatestCheckpoint = Annotated[
    str | None,
    typer.Argument(
        metavar="[ID]", help="The checkpoint's id.", autocompletion=complete_checkpoints
    ),
]
