"""Groups of commands that build a command only when it is called.

Typer turns every registered function into a command at start-up, which for all our verbs costs
as much as the rest of the program. Here a noun's module is imported, and a verb's command built,
when it is looked up; help and completion look up all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Self

from typer.core import TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

if TYPE_CHECKING:
    from typer._click import Command

    from agentstate.cli.commands import Noun


class LazyCommands(MutableMapping[str, "Command"]):
    """Commands by name, each made when it is first asked for."""

    def __init__(self) -> None:
        """Begin with none."""
        self._makers: dict[str, Callable[[], Command]] = {}
        self._made: dict[str, Command] = {}

    def add(self, name: str, make: Callable[[], Command]) -> None:
        """Add a command that `make` will give."""
        self._makers[name] = make

    def __getitem__(self, name: str) -> Command:
        """Return a command, made now if it was not."""
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __setitem__(self, name: str, command: Command) -> None:
        """Add a command that exists."""
        self._makers[name] = lambda: command

    def __delitem__(self, name: str) -> None:
        """Remove a command."""
        del self._makers[name]
        self._made.pop(name, None)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a command, without making it."""
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        """Yield the names in the order they were added."""
        return iter(self._makers)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._makers)


class Group(TyperGroup):
    """A group whose commands are lazy; its help is plain text, for which rich is not loaded."""

    def __init__(self, **attributes: object) -> None:
        """Take what Typer gives a group, and no commands yet."""
        attributes.update(commands=LazyCommands(), no_args_is_help=True, rich_markup_mode=None)
        super().__init__(**attributes)  # type: ignore[arg-type] # Typer's own keyword arguments

    @property
    def lazy(self) -> LazyCommands:
        """The commands, which this class put there itself."""
        if not isinstance(self.commands, LazyCommands):
            raise TypeError("the commands of a group were replaced")
        return self.commands

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002 - the signature is Typer's
        """Return the names without making the commands."""
        return list(self.lazy)

    def add_all(self, commands: Mapping[str, Noun | str]) -> Self:
        """Add commands from the table, without importing what runs them."""
        for name, entry in commands.items():
            if isinstance(entry, str):
                self.lazy.add(name, partial(_function_command, name, entry))
            else:
                self.lazy.add(name, partial(_noun_command, name, entry))
        return self


def _noun_command(name: str, noun: Noun) -> Command:
    return Group(name=name, help=noun.help).add_all(noun.verbs)


def _function_command(name: str, target: str) -> Command:
    """Import a function and return the command that Typer makes of it."""
    module, _, function = target.partition(":")
    return get_command_from_info(
        CommandInfo(
            name=name, callback=getattr(import_module(f"agentstate.cli.{module}"), function)
        ),
        pretty_exceptions_short=False,
        rich_markup_mode=None,
    )
