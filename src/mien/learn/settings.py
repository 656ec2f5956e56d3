"""Settings of a training run from small TOML files and from options, and back to TOML."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mien.core.errors import OptionError, unknown_name
from mien.learn.config import Config, Stage

__all__ = [
    "OF_TRAINED_WEIGHTS",
    "base_for_minutes",
    "config_from",
    "from_layers",
    "from_mapping",
    "read_config",
    "read_toml",
    "to_toml",
]

OF_TRAINED_WEIGHTS = "the settings for trained weights"
"""Origin of settings that `mien.learn.teaching` puts below those that a person asks for."""

_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def from_mapping(values: Mapping[str, Any], where: str, base: Config | None = None) -> Config:
    """`base` (the defaults without it) with some values changed; `where` names their origin in errors.

    Raises:
        OptionError: an unknown key, a value of the wrong type or out of range.

    """
    return from_layers([(values, where)], base)


def from_layers(layers: Sequence[tuple[Mapping[str, Any], str]], base: Config | None = None) -> Config:
    """`base` (the defaults without it) changed by pairs of values and their origin; later ones win.

    What fits together is looked at once, after the last one, so the order of two changes does not matter. A table
    (`augmentation`) takes over the entries of an earlier one that it does not name.

    Raises:
        OptionError: an unknown key, a value of the wrong type or out of range.

    """
    fields = {f.name: f for f in dataclasses.fields(Config)}
    start = base or Config()
    changes: dict[str, Any] = {}
    for values, where in layers:
        for key, value in values.items():
            if key not in fields:
                raise OptionError(f"{where}: {unknown_name('setting', key, fields)}")
            typed = _typed(value, getattr(start, key), f"{where}: {key!r}")
            if isinstance(typed, Mapping):
                typed = {**changes.get(key, getattr(start, key)), **typed}
            changes[key] = typed
    return dataclasses.replace(start, **changes)


def config_from(layers: Sequence[tuple[Mapping[str, Any], str]]) -> Config:
    """As `from_layers`, with the settings for runs of minutes below them where minutes are asked for.

    Raises:
        OptionError: as `from_layers`, or both epochs and minutes are asked for.

    """
    config = from_layers(layers)
    if not config.minutes:
        return config
    if any("epochs" in values for values, where in layers if where != OF_TRAINED_WEIGHTS):
        raise OptionError("'epochs' and 'minutes' each say how long a run is; give one of them.")
    base = base_for_minutes(config.model, config.size)
    return from_layers([(base, "the settings for --minutes"), *layers])


def base_for_minutes(model: str, size: int) -> dict[str, Any]:
    """Settings that differ from the defaults where a run has minutes: small crops first, a short memory.

    Args:
        model: name of the architecture; only the project's own take crops of another size.
        size: side of the crops in pixels, or 0 for the architecture's own.

    """
    small = {"grow_from": 32} if model.startswith("mien-") and not 0 < size < 40 else {}
    return {"ema": 0.995, "augment": "light", "precision": "auto", **small}


def _typed(value: Any, like: Any, name: str) -> Any:
    """`value` in the type of the default `like`.

    Raises:
        OptionError: it does not fit.

    """
    if name.endswith("'stages'"):
        return _stages(value, name)
    if name.endswith(("'freeze'", "'precision'")) and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(like, tuple):
        if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
            return tuple(value)
        raise OptionError(f"{name} must be a list of names, got {value!r}.")
    if isinstance(like, Mapping):
        if isinstance(value, Mapping):
            return dict(value)
        raise OptionError(f"{name} must be a table, got {value!r}.")
    if isinstance(like, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(like):
        raise OptionError(f"{name} must be {_KINDS[type(like)]}, got {value!r}.")
    return value


def _stages(value: Any, name: str) -> tuple[Stage, ...]:
    known = {f.name: f for f in dataclasses.fields(Stage)}
    if not isinstance(value, list | tuple) or not all(isinstance(v, Mapping | Stage) for v in value):
        raise OptionError(f"{name} must be a list of tables ([[stages]]), got {value!r}.")
    stages = []
    for entry in value:
        if isinstance(entry, Stage):
            stages.append(entry)
            continue
        for key in entry:
            if key not in known:
                raise OptionError(f"{name}: {unknown_name('setting', key, known)}")
        default = Stage()
        stages.append(Stage(**{k: _typed(v, getattr(default, k), f"{name} {k!r}") for k, v in entry.items()}))
    return tuple(stages)


def read_config(path: Path | str, base: Config | None = None) -> Config:
    """Settings from a TOML file that names only what differs from `base`.

    Raises:
        OptionError: the file cannot be read, is not TOML, or holds an unknown key or an impossible value.

    """
    return from_mapping(read_toml(path), str(path), base)


def read_toml(path: Path | str) -> dict[str, Any]:
    """The values of a TOML file, not yet looked at.

    Raises:
        OptionError: the file cannot be read, or is not TOML.

    """
    path = Path(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(f"Cannot read the settings {path}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise OptionError(f"{path} is not TOML: {error}.") from error


def to_toml(config: Config, *, only_changes: bool = False) -> str:
    """TOML text that `read_config` turns into the same settings; with `only_changes`, what differs from defaults."""
    default = Config()
    lines: list[str] = []
    tables: list[str] = []
    for f in dataclasses.fields(Config):
        value = getattr(config, f.name)
        if only_changes and value == getattr(default, f.name):
            continue
        if f.name == "stages":
            for stage in value:
                tables += ["", "[[stages]]", *(f"{k} = {_literal(v)}" for k, v in dataclasses.asdict(stage).items())]
        elif isinstance(value, Mapping):
            if value:
                tables += ["", f"[{f.name}]", *(f"{k} = {_literal(v)}" for k, v in value.items())]
        else:
            lines.append(f"{f.name} = {_literal(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def _literal(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_literal(v) for v in value) + "]"
    # JSON's texts, numbers and truth values are also TOML's.
    return json.dumps(value, ensure_ascii=False)
