"""Groups of commands that build a command only when it is called.

Typer turns every registered function into a command at start-up, which for all our verbs costs
as much as the rest of the program. Here a noun's module is imported, and a verb's command built,
when it is looked up; help and completion look up all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from typer.core import TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

if TYPE_CHECKING:
    from typer._click import Command

_Verb = TypeVar("_Verb", bound=Callable[..., None])


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


class Noun(Group):
    """The verbs of one noun: `agentstate NOUN VERB`."""

    def __init__(self, name: str, help_text: str) -> None:
        """Begin a noun without verbs."""
        super().__init__(name=name, help=help_text)

    def verb(self, name: str) -> Callable[[_Verb], _Verb]:
        """Register a function as a verb; its docstring is the help text."""

        def register(function: _Verb) -> _Verb:
            self.lazy.add(name, lambda: command(name, function))
            return function

        return register


def command(name: str, function: Callable[..., None]) -> Command:
    """Return the command that Typer makes of a function."""
    return get_command_from_info(
        CommandInfo(name=name, callback=function),
        pretty_exceptions_short=False,
        rich_markup_mode=None,
    )


def load(module: str, attribute: str) -> Callable[[], Command]:
    """Return a maker of what a module of `agentstate.cli` defines: a noun, or one function."""

    def make() -> Command:
        found = getattr(import_module(f"agentstate.cli.{module}"), attribute)
        return found if isinstance(found, Noun) else command(attribute, found)

    return make
