"""Specs: frozen settings with a name. Bricks, losses, metrics, optimizers and recipes are all specs.

A spec is data: its fields are numbers, flags, texts, nothing, tuples and other specs. That makes it hashable
(a static argument of a compiled program), comparable, printable, and storable as JSON that is read back
without running any code from the file: only classes that are registered here can be built.
"""

import dataclasses
import functools
import math
import re
import types
import typing
from collections.abc import Callable
from functools import cache
from typing import (
    Any,
    ClassVar,
    Literal,
    Self,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    overload,
)

from brickwork.core.errors import BundleError, SettingError, nearest

MAX_NODES = 20_000
MAX_DEPTH = 64
MAX_TEXT = 10_000


@dataclass_transform(frozen_default=True)
class Spec:
    """Base of everything that is settings with a name; subclasses are decorated with `registered`.

    Constructors only store: they check types and values, turn lists into tuples, and compute nothing. A wrong
    setting raises `SettingError` with the class, the field, what was given and what was expected.
    """

    kind: ClassVar[str] = "spec"
    key: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *_: Any, **__: Any) -> None:
        raise SettingError(f"{type(self).__name__} is not registered: write @{self.kind} above the class.")

    def __post_init__(self) -> None:
        hints = field_types(type(self))
        for name, given in self.settings().items():
            value = frozen(given)
            if not conforms(value, hints[name]):
                raise SettingError(
                    f"{type(self).__name__}: setting {name!r} must be {describe(hints[name])}, got {value!r}."
                    + _nearest_literal(value, hints[name])
                )
            object.__setattr__(self, name, value)
        self.validate()

    def validate(self) -> None:
        """Check values that types cannot express; raise `SettingError`. Called at the end of construction."""

    def require(self, condition: bool, setting: str, expected: str) -> None:
        """Raise `SettingError` naming the setting, its value and what was expected, unless `condition` holds."""
        if not condition:
            raise SettingError(
                f"{type(self).__name__}: setting {setting!r} must be {expected}, got {getattr(self, setting)!r}."
            )

    def settings(self) -> dict[str, Any]:
        """Return the fields by name, as they are."""
        return {field.name: getattr(self, field.name) for field in fields_of(type(self))}

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some settings changed."""
        return self.from_settings({**self.settings(), **changes})

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """Build from field values, past a custom `__init__`; unknown or missing ones raise `SettingError`."""
        spec = object.__new__(cls)
        fields = {field.name: field for field in fields_of(cls)}
        for name in settings:
            if name not in fields:
                raise SettingError(f"{cls.__name__} has no setting {name!r}. {nearest(name, fields)}")
        for name, field in fields.items():
            if name not in settings and field.default is dataclasses.MISSING:
                raise SettingError(f"{cls.__name__} needs the setting {name!r}.")
            object.__setattr__(spec, name, settings.get(name, field.default))
        spec.__post_init__()
        return spec


S = TypeVar("S", bound=Spec)

_by_key: dict[str, type[Spec]] = {}
_by_name: dict[str, dict[str, type[Spec]]] = {}


@overload
def registered(cls: type[S]) -> type[S]: ...
@overload
def registered(*, version: int = 1) -> Callable[[type[S]], type[S]]: ...
def registered(cls: Any = None, *, version: int = 1) -> Any:
    """Make a spec class a frozen dataclass and enter it in the registry as `package:Name@version`.

    Raise the version when a saved model of the old one would compute something else. Defining a class again
    under the same name replaces it, as happens when a notebook cell is run twice.
    """
    if cls is None:
        return lambda decorated: registered(_register(decorated, version))
    return cls if cls.key and "key" in vars(cls) else _register(cls, version)


def _register(cls: type[S], version: int) -> type[S]:
    written = "__init__" in vars(cls)
    cls = dataclasses.dataclass(frozen=True, repr="__repr__" not in vars(cls))(cls)
    if not written:
        _naming_the_nearest(cls)
    for field in fields_of(cls):
        if field.default_factory is not dataclasses.MISSING:
            raise SettingError(f"{cls.__name__}.{field.name}: give a plain default; tuples and specs are fine.")
    cls.key = f"{cls.__module__.split('.')[0]}:{cls.__name__}@{version}"
    known = _by_name.setdefault(cls.kind, {})
    names = (cls.__name__, snake_case(cls.__name__), *cls.aliases)
    for name in names if not cls.key.startswith("brickwork:") else ():  # our own are ours, whoever came first
        if name in known and known[name].key.split("@")[0] != cls.key.split("@")[0]:
            raise SettingError(
                f"The name {name!r} of a {cls.kind} belongs to {known[name].key} already: {cls.key} needs another name."
            )
    if cls.key in _by_key and _by_key[cls.key].kind != cls.kind:
        raise SettingError(f"{cls.key} is a {_by_key[cls.key].kind} already; a {cls.kind} needs another name.")
    _by_key[cls.key] = cls
    known.update(dict.fromkeys(names, cls))
    return cls


def _naming_the_nearest(cls: type[Spec]) -> None:
    """Let the constructor name the nearest setting when it is given one that there is not."""
    init = cls.__init__

    @functools.wraps(init)
    def checked(self: Any, *values: Any, **settings: Any) -> None:
        known = {field.name for field in fields_of(type(self))}
        for name in settings:
            if name not in known:
                raise SettingError(f"{cls.__name__} has no setting {name!r}. {nearest(name, known)}")
        init(self, *values, **settings)

    cls.__init__ = checked


def names_of(kind: str) -> dict[str, type[Spec]]:
    """Return the registered classes of one kind by their snake_case names, sorted."""
    return {snake_case(cls.__name__): cls for _, cls in sorted(_by_name.get(kind, {}).items())}


def lookup(kind: str, name: str) -> type[Spec]:
    """Return the class of a kind by class name, snake_case name or alias; unknown names raise `SettingError`."""
    known = _by_name.get(kind, {})
    if name not in known:
        raise SettingError(f"There is no {kind} named {name!r}. {nearest(name, names_of(kind))}")
    return known[name]


def resolve(base: type[S], value: Any) -> S:
    """Turn a name into a spec with default settings and return a spec of that kind as it is."""
    if isinstance(value, base):
        return value
    if isinstance(value, str):
        return typing.cast(S, lookup(base.kind, value)())
    raise SettingError(f"A {base.kind} is a name or a settings object, got {value!r} ({type(value).__name__}).")


def snake_case(name: str) -> str:
    """Return `MaxPool` as `max_pool`, `LSTM` as `lstm`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


# ---------------------------------------------------------------------------------------------- field types


def fields_of(cls: type[Spec]) -> tuple[dataclasses.Field[Any], ...]:
    """Return the dataclass fields of a spec class."""
    return dataclasses.fields(typing.cast(Any, cls))


@cache
def field_types(cls: type[Spec]) -> dict[str, Any]:
    """Return the annotated type of every field."""
    return typing.get_type_hints(cls)


def frozen(value: Any) -> Any:
    """Return a setting in its stored form: lists as tuples, NumPy numbers as Python's."""
    if isinstance(value, list | tuple):
        return tuple(frozen(item) for item in value)
    if hasattr(value, "dtype") and getattr(value, "shape", None) == ():
        return value.item()
    return value


def conforms(value: Any, hint: Any) -> bool:
    """Tell whether a setting has the annotated type; an int passes as a float, a bool never as a number."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(conforms(value, option) for option in arguments)
    if origin is Literal:
        return any(value == option and type(value) is type(option) for option in arguments)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return all(conforms(item, arguments[0]) for item in value)
        return len(value) == len(arguments) and all(map(conforms, value, arguments))
    if hint is Any:
        return (
            all(conforms(v, Any) for v in value)
            if isinstance(value, tuple)
            else isinstance(value, str | int | float | Spec | None)
        )
    if hint is None or hint is type(None):
        return value is None
    if hint in (int, float):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return (whole and (hint is int or abs(value) <= 1e308)) or (hint is float and isinstance(value, float))
    return isinstance(hint, type) and isinstance(value, hint)


def describe(hint: Any) -> str:
    """Return a type in words: 'a whole number, or none'."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return ", or ".join(describe(option) for option in arguments)
    if origin is Literal:
        return "one of " + ", ".join(repr(option) for option in arguments)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"a sequence, each {describe(arguments[0])}"
        return "(" + "; ".join(describe(item) for item in arguments) + ")"
    words = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "a text",
        type(None): "None",
    }
    return words.get(hint, f"a {getattr(hint, '__name__', str(hint))}")


def _nearest_literal(value: Any, hint: Any) -> str:
    options = [o for part in (hint, *get_args(hint)) if get_origin(part) is Literal for o in get_args(part)]
    known = [option for option in options if isinstance(option, str)]
    return f" {nearest(value, known)}" if known and isinstance(value, str) else ""


# ------------------------------------------------------------------------------------------------------ JSON


def to_json(value: Any) -> Any:
    """Return a spec or a setting as plain JSON values; a spec becomes `{"spec": key, "settings": {...}}`.

    A Python function is no data: it raises `SettingError` and says to write a registered class instead.
    """
    if isinstance(value, Spec):
        return {
            "spec": value.key,
            "settings": {name: to_json(item) for name, item in value.settings().items()},
        }
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise SettingError(
        f"{value!r} cannot be stored: a network and its settings are data. "
        "Write a registered class with settings in place of a function."
    )


def from_json(data: Any) -> Any:
    """Build a spec or a setting from JSON values; only registered classes are built, within bounds on size.

    Raises `BundleError` for what is not a spec, for too many or too deeply nested values, and for a class that
    is not registered (saying which package to import, or that the file is from a newer version).
    """
    nodes = 0

    def build(item: Any, depth: int) -> Any:
        nonlocal nodes
        nodes += 1
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise BundleError(f"The description has more than {MAX_NODES} values or {MAX_DEPTH} levels.")
        if isinstance(item, list):
            return tuple(build(part, depth + 1) for part in item)
        if isinstance(item, dict):
            if item.keys() == {"number"} and item["number"] in ("inf", "-inf", "nan"):
                return float(item["number"])
            if item.keys() != {"spec", "settings"} or not isinstance(item["settings"], dict):
                raise BundleError(f"Expected a 'spec' with 'settings', found the keys {sorted(item)[:5]}.")
            settings = {name: build(part, depth + 1) for name, part in item["settings"].items()}
            try:
                return _class_of(item["spec"]).from_settings(settings)
            except SettingError as error:
                raise BundleError(f"The description cannot be built: {error}") from error
        if isinstance(item, str) and len(item) > MAX_TEXT:
            raise BundleError(f"A text in the description has {len(item)} characters; at most {MAX_TEXT} are read.")
        return item

    return build(data, 0)


def _class_of(key: Any) -> type[Spec]:
    if not isinstance(key, str) or not re.fullmatch(r"\w{1,100}:\w{1,100}@\d{1,6}", key):
        raise BundleError(f"{str(key)[:120]!r} is not the name of a spec (package:Name@version).")
    if key in _by_key:
        return _by_key[key]
    package, name, version = re.split("[:@]", key)
    others = [int(k.split("@")[1]) for k in _by_key if k.startswith(f"{package}:{name}@")]
    if others:
        newer = int(version) > max(others)
        raise BundleError(
            f"The model needs {package}:{name} version {version}; here is version {max(others)}. "
            + (f"Update {package}." if newer else f"Install an older {package}.")
        )
    raise BundleError(
        f"The model needs {name!r} from {package!r}, which is not registered here. "
        + ("Define it as it was when the model was saved." if package == "__main__" else f"Import {package} first.")
    )
