"""`agentstate fork`: begin another branch at any message."""

import typer

from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.inputs import content as given_content
from agentstate.cli.inputs import json_text, utf8
from agentstate.cli.invocation import invocation
from agentstate.cli.messages.changing import present
from agentstate.cli.options import OutputFormat
from agentstate.cli.selectors import find_message
from agentstate.render import shapes


def fork(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    message: options.Message,
    content: options.Content = None,
    content_file: options.ContentFile = None,
    role: options.Role = "user",
    item: options.Item = None,
    output: options.OutputOfId = None,
) -> None:
    """Answer any message anew: the new message begins a branch, and becomes the leaf.

    Prints the new message's id.

    Example: agentstate fork @last~2 --content "Try a generator instead"
    """
    text = given_content(content, content_file)
    value = None if item is None else json_text(item, "--item")
    answer = Answer(ctx, shapes.MESSAGES, Wanted(output=output or OutputFormat.ID))
    run = invocation(ctx)
    with run.write() as store:
        message_id, _ = find_message(store, run, message)
        made = store.messages.fork(message_id, utf8(role, "--role"), text, value)
        present(answer, store, made)
