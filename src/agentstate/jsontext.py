"""JSON as the store keeps it: text that the Rust program can read, in the form it was given.

Decoding and encoding again would turn 1.10 into 1.1. Where the text itself matters it travels
as a `JsonText`, which is stored and printed unchanged.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Final, NoReturn

from agentstate.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentstate.records import JsonValue

MAX_DEPTH: Final = 127
"""The deepest nesting that the Rust program's reader accepts."""


class JsonText(str):
    """A string that is JSON text; given where a JSON value is expected, it is kept as it is."""

    __slots__ = ()


def encode(value: JsonValue, what: str) -> str:
    """Return the JSON text of `value`; a `JsonText` is checked and returned unchanged.

    Raises `BadInputError`, starting with `what`, for anything that the Rust program could not
    read back: NaN, infinities, numbers beyond a double, lone surrogates, nesting of 128 levels.
    """
    if isinstance(value, JsonText):
        _check(_loads_input(value, what), what)
        return str(value)
    _check(value, what)
    return _ENCODER.encode(value)


def decode(text: str) -> JsonValue:
    """Return the value of stored JSON text; raises `ValueError` where it is broken."""
    if type(text) is not str and type(text) is not JsonText:
        raise ValueError("it is not text")
    return _decode(text, _DECODER)


def verify(text: str) -> JsonText:
    """Return stored JSON text as it is; raises `ValueError` where it is broken."""
    decode(text)
    return JsonText(text)


def parse(text: str, what: str) -> JsonText:
    """Return JSON text that a user gave, checked as `encode` does."""
    return JsonText(encode(JsonText(text), what))


def elements(array: JsonText) -> list[JsonText]:
    """Return the text of each element of a checked array, its numbers as they were written."""
    return [value for _, value in _split(array)]


def members(mapping: JsonText) -> dict[str, JsonText]:
    """Return the text of each member of a checked object, its numbers as they were written."""
    return {str(key): value for key, value in _split(mapping)}


def strict_decoder(
    make_object: Callable[[list[tuple[str, JsonValue]]], object] | None = None,
) -> json.JSONDecoder:
    """Return a decoder that refuses NaN, infinities and numbers beyond a double.

    `make_object` is given the members of each object, and gives what stands for it.
    """
    return json.JSONDecoder(
        parse_constant=_refuse_constant, parse_float=_parse_float, object_pairs_hook=make_object
    )


def _split(container: JsonText) -> Iterator[tuple[JsonValue, JsonText]]:
    """Yield the keys (None in an array) and value texts one level down."""
    scan = json.JSONDecoder().raw_decode
    body = container.strip()
    at = _skip(body, 1)
    while body[at] not in "]}":
        key = None
        if body.startswith("{"):
            key, end = scan(body, at)
            at = _skip(body, end)
        _, end = scan(body, at)
        yield key, JsonText(body[at:end])
        at = _skip(body, end)


def _skip(text: str, at: int) -> int:
    """Return the place behind white space, commas and colons."""
    while text[at] in " \t\r\n,:":
        at += 1
    return at


def _loads_input(text: str, what: str) -> JsonValue:
    try:
        return _decode(text, _CHECKING_DECODER)
    except ValueError as error:
        raise BadInputError(f"{what} is not valid JSON: {error}") from error


def _decode(text: str, decoder: json.JSONDecoder) -> JsonValue:
    try:
        return decoder.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is beyond the range of a double")
    return number


def _flatten(pairs: list[tuple[str, JsonValue]]) -> list[JsonValue]:
    return [part for pair in pairs for part in pair]


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_DECODER: Final = strict_decoder()
# Of a key given twice a dict keeps the last value; what is checked must be all that is written.
_CHECKING_DECODER: Final = strict_decoder(_flatten)


def _check(value: JsonValue, what: str) -> None:
    """Walk `value` with a stack of our own, so that depth is judged and not suffered."""
    stack = [iter((value,))]
    while stack:
        for node in stack[-1]:
            if isinstance(node, str):
                if not node.isascii() and re.search("[\ud800-\udfff]", node):
                    raise BadInputError(f"{what} holds a lone surrogate, which is not valid text")
            elif isinstance(node, dict | list | tuple):
                if len(stack) > MAX_DEPTH:
                    raise BadInputError(f"{what} is nested deeper than {MAX_DEPTH} levels")
                stack.append(_children(node, what))
                break
            elif isinstance(node, int | float):
                _check_number(node, what)
            elif node is not None:
                raise BadInputError(f"{what} holds a {type(node).__name__}, which is not JSON")
        else:
            stack.pop()


def _children(node: JsonValue, what: str) -> Iterator[JsonValue]:
    if not isinstance(node, dict):
        return iter(node)
    for key in node:
        if not isinstance(key, str):
            raise BadInputError(f"{what} has a key that is not a string: {key!r}")
    return iter((*node, *node.values()))


def _check_number(number: float, what: str) -> None:
    try:
        finite = math.isfinite(number)
    except OverflowError:
        finite = False
    if not finite:
        raise BadInputError(f"{what} holds a number beyond the range of a double")
