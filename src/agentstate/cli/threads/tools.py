"""`agentstate threads tools`: a thread's dynamic tools."""

from dataclasses import replace
from typing import Annotated

import typer

from agentstate import jsontext, render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_files_after_at
from agentstate.cli.inputs import json_text
from agentstate.cli.invocation import invocation
from agentstate.cli.selectors import find_thread
from agentstate.records import DynamicToolRecord
from agentstate.render import shapes


def tools(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    thread: options.Thread,
    replacement: Annotated[
        str | None,
        typer.Option(
            "--set",
            metavar="JSON|@FILE|-",
            help="An array of tools to put in place of all.",
            autocompletion=complete_files_after_at,
        ),
    ] = None,
    output: options.Output = None,
    fields: options.Fields = None,
    null: options.Nul = False,
    raw: options.Raw = False,
) -> None:
    """List a thread's dynamic tools, or replace them all.

    Example: agentstate threads tools @last --set @tools.json
    """
    answer = Answer(ctx, shapes.TOOLS, Wanted(output=output, fields=fields, null=null, raw=raw))
    run = invocation(ctx)
    new = None if replacement is None else _tools(replacement)
    with run.read() if new is None else run.write() as store:
        thread_id = find_thread(store, run, thread).id
        if new is not None:
            store.tools.replace(thread_id, new)
            if output is None:
                return
        found = store.tools.list(thread_id, raw_json=True)
    if answer.is_table:
        answer.table(render.threads.tools_table(found, width=answer.width))
    else:
        answer.rows(vars(tool) for tool in found)


def _tools(given: str) -> list[DynamicToolRecord]:
    """Return the tools of a checked array, each schema as the text that was given."""
    from agentstate.validation import parse_list  # noqa: PLC0415 - pydantic costs 70 ms

    array = json_text(given, "--set")
    checked = parse_list(DynamicToolRecord, array, "--set")
    schemas = (jsontext.members(text)["input_schema"] for text in jsontext.elements(array))
    return [
        replace(tool, input_schema=schema) for tool, schema in zip(checked, schemas, strict=True)
    ]
