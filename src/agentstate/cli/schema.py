"""`agentstate schema`: the JSON Schema of the records."""

import json
from typing import Annotated

import typer

from agentstate.cli import options
from agentstate.cli.completers import complete_records
from agentstate.cli.options import OutputFormat
from agentstate.cli.printing import write_lines
from agentstate.errors import NotFoundError


def schema(
    ctx: typer.Context,  # noqa: ARG001 - every verb has it
    record: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECORD]",
            help="Such as ThreadMetadata; without one, all of them.",
            autocompletion=complete_records,
        ),
    ] = None,
    output: options.Output = None,
) -> None:
    """Print the JSON Schema of a record; without one, of each by name.

    Example: agentstate schema ThreadMetadata
    """
    from agentstate.validation import RECORDS, json_schema  # noqa: PLC0415 - pydantic costs 70 ms

    if record is not None and record not in RECORDS:
        raise NotFoundError(f"no record {record!r}; the records are: {', '.join(RECORDS)}")
    if output is OutputFormat.ID:
        write_lines(RECORDS if record is None else [record])
        return
    if record is None:
        found = {name: json_schema(record_type) for name, record_type in RECORDS.items()}
    else:
        found = json_schema(RECORDS[record])
    # One line for a program that reads lines, indented for everyone else.
    compact = output in {OutputFormat.JSONL, OutputFormat.TSV}
    write_lines([json.dumps(found, ensure_ascii=False, indent=None if compact else 2)])
