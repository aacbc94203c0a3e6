"""Options that belong together, as one parameter of a command: a frozen dataclass, each annotated field an option."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Any, get_origin, get_type_hints

KEYWORD = inspect.Parameter.KEYWORD_ONLY


def options_of(group: type, names: Mapping[str, object] | None = None) -> Iterator[inspect.Parameter]:
    """A parameter for each annotated field of the dataclass.

    Args:
        group: the dataclass.
        names: what its other annotations name that is not imported at run time.
    """
    hints = get_type_hints(group, include_extras=True, localns=dict(names or {}))
    for field in fields(group):
        if get_origin(hints[field.name]) is Annotated:
            yield inspect.Parameter(field.name, KEYWORD, default=field.default, annotation=hints[field.name])


def with_group(
    command: Callable[..., int],
    parameter: str,
    options: Sequence[inspect.Parameter],
    value: Callable[[Mapping[str, Any]], object],
) -> Callable[..., int]:
    """The command with options in place of one of its parameters; any other command as it is.

    Args:
        command: of lrdoctor.
        parameter: the name of the one.
        options: what the command line shows in its place.
        value: what the command is given: made of the options' values by name.
    """
    signature = inspect.signature(command, eval_str=True)
    if parameter not in signature.parameters:
        return command

    @functools.wraps(command)
    def run(**given: Any) -> int:
        chosen = {option.name: given.pop(option.name) for option in options if option.name in given}
        return command(**given, **{parameter: value(chosen)})

    everything = [
        option
        for name, own in signature.parameters.items()
        for option in (options if name == parameter else [own.replace(kind=KEYWORD)])
    ]
    # typer looks at both
    run.__signature__ = signature.replace(parameters=everything)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in everything}
    return run
