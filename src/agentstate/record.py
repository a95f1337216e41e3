"""`@record`: a frozen dataclass with keyword arguments that costs little to define.

`@dataclass(frozen=True, kw_only=True)` compiles six methods for each class, which for all of
ours is a fifth of a short run. Here the class is a real dataclass (`fields`, `replace`, `asdict`
and pydantic know it), and the methods are written once, in a base class.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, fields
from typing import Any, ClassVar, NoReturn, TypeVar, dataclass_transform

_Record = TypeVar("_Record", bound="Record")


class Record:
    """What every record does; `@record` adds the fields."""

    _known: ClassVar[dict[str, Field[Any]]]

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - each field has a type of its own
        """Take a value for each field that has no default; raises `TypeError` as a call does."""
        known = self._known
        missing = [
            name for name, field in known.items() if name not in values and field.default is MISSING
        ]
        unknown = [name for name in values if name not in known]
        if missing or unknown:
            what = f"misses {missing[0]!r}" if missing else f"has no field {unknown[0]!r}"
            raise TypeError(f"{type(self).__name__} {what}")
        vars(self).update({name: values.get(name, field.default) for name, field in known.items()})
        self.__post_init__()

    def __post_init__(self) -> None:
        """Do nothing; a record may put its values in order here."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse: records do not change."""
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        """Refuse: records do not change."""
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __repr__(self) -> str:
        """Return the call that makes an equal record."""
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__qualname__}({values})"

    def __eq__(self, other: object) -> bool:
        """Compare class and values."""
        if type(other) is not type(self):
            return NotImplemented
        return vars(self) == vars(other)

    def __hash__(self) -> int:
        """Hash the values; raises `TypeError` where one of them, such as a list, has no hash."""
        return hash((type(self), *vars(self).values()))


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(record_type: type[_Record]) -> type[_Record]:
    """Make a subclass of `Record` a dataclass that keeps the methods of its base."""
    made = dataclass(init=False, repr=False, eq=False, kw_only=True)(record_type)
    made._known = {field.name: field for field in fields(made)}  # type: ignore[arg-type] # noqa: SLF001 - a dataclass now, and its own base
    return made
