"""`@record`: a frozen dataclass with keyword arguments that costs little to define.

`@dataclass(frozen=True, kw_only=True)` compiles six methods for each class, which for all of
ours is a fifth of a short run. Here the class is a real dataclass (`fields`, `replace`, `asdict`
and pydantic know it), and the methods are written once, in a base class.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from typing import Any, ClassVar, NoReturn, TypeVar, dataclass_transform

_Record = TypeVar("_Record", bound="Record")


class Record:
    """What every record does; `@record` adds the fields."""

    _defaults: ClassVar[dict[str, Any]]
    """By name, in the order of the fields; `MISSING` for one that has none."""
    _required: ClassVar[frozenset[str]]

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - each field has a type of its own
        """Take a value for each field that has no default; raises `TypeError` as a call does."""
        fields_in_order = self._defaults | values
        if len(fields_in_order) > len(self._defaults) or not self._required <= values.keys():
            missing = [name for name in self._defaults if name in self._required - values.keys()]
            unknown = [name for name in values if name not in self._defaults]
            what = f"misses {missing[0]!r}" if missing else f"has no field {unknown[0]!r}"
            raise TypeError(f"{type(self).__name__} {what}")
        vars(self).update(fields_in_order)
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
    defaults = {field.name: field.default for field in fields(made)}  # type: ignore[arg-type] # a dataclass now
    made._defaults = defaults  # noqa: SLF001 - its own base
    made._required = frozenset(name for name, value in defaults.items() if value is MISSING)  # noqa: SLF001 - as above
    return made
