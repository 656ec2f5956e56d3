"""`mien serve --config FILE`: its options as TOML, read again on SIGHUP."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from mien.core.errors import OptionError, unknown_name

__all__ = ["config_option", "defaults_of"]

_NOT_IN_FILES = ("config", "help", "open")


def config_option(function: Any) -> Any:
    """The option, read before all others, which then take their defaults from the file."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        is_eager=True,
        expose_value=False,
        callback=_take,
        help="TOML file with these options (without dashes before); SIGHUP reads it again.",
    )(function)


def _take(context: click.Context, _option: click.Parameter, file: Path | None) -> None:
    if file is not None:
        context.default_map = defaults_of(context.command, file)


def defaults_of(command: click.Command, file: Path) -> dict[str, Any]:
    """Defaults for the parameters of a command, from a file.

    Raises:
        OptionError: the file cannot be read, is no TOML, or holds an option that the command does not have.

    """
    try:
        told = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise OptionError(f"Cannot read the settings {file}: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise OptionError(f"{file} is not TOML: {error}.") from error
    names = {
        option.removeprefix("--"): parameter
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option.removeprefix("--") not in _NOT_IN_FILES
    }
    values: dict[str, Any] = {}
    for key, value in told.items():
        if key not in names:
            raise OptionError(f"{file}: {unknown_name('option', key, names)}")
        values[str(names[key].name)] = _value(file, key, names[key], value)
    return values


def _value(file: Path, key: str, parameter: click.Parameter, value: object) -> object:
    if isinstance(value, Mapping) and key == "limit":  # [limit] with a line each
        return [f"{name}={number}" for name, number in value.items()]
    if isinstance(value, list) != parameter.multiple or isinstance(value, Mapping):
        raise OptionError(f"{file}: {key} is {'a list of texts' if parameter.multiple else 'one value'}.")
    return value
