"""Documents: plain values as standard JSON, read back from anyone within bounds."""

import json
import math
from typing import Any

from brickwork.core.errors import SettingError


def encode_json(value: Any, indent: int | None = None) -> bytes:
    """Return a value as standard JSON in UTF-8; numbers that JSON lacks become `{"number": "nan"}`.

    Raises `SettingError` for what is no data (functions, arrays, keys that are not text).
    """

    def plain(item: Any, where: str) -> Any:
        if hasattr(item, "dtype") and getattr(item, "shape", None) == ():
            item = item.item()
        if isinstance(item, float) and not math.isfinite(item):
            return {"number": repr(item)}
        if item is None or isinstance(item, bool | int | float | str):
            return item
        if isinstance(item, list | tuple):
            return [plain(part, f"{where}[{index}]") for index, part in enumerate(item)]
        if isinstance(item, dict) and all(isinstance(name, str) for name in item):
            return {name: plain(part, f"{where}.{name}") for name, part in item.items()}
        raise SettingError(f"{where} cannot be stored as JSON: {type(item).__name__} {str(item)[:80]!r}.")

    return json.dumps(plain(value, "value"), ensure_ascii=False, indent=indent, allow_nan=False).encode()


def decode_json(data: bytes, *, max_values: int = 2_000_000, max_depth: int = 64) -> Any:
    """Read what `encode_json` wrote, from anyone: size and depth are bounded, names come once.

    Raises `ValueError` or `RecursionError` with the reason.
    """
    values = sum(data.count(mark) for mark in (b",", b"[", b"{"))
    if values > max_values:
        raise ValueError(f"it holds about {values} values; at most {max_values} are read")

    def entries(pairs: list[tuple[str, Any]]) -> Any:
        names = dict(pairs)
        if len(names) != len(pairs):
            raise ValueError("a name comes twice in one object")
        if len(pairs) == 1 and pairs[0][0] == "number" and pairs[0][1] in ("nan", "inf", "-inf"):
            return float(pairs[0][1])
        return names

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is not JSON")

    value = json.loads(data.decode(), object_pairs_hook=entries, parse_constant=refuse)
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > max_depth:
            raise ValueError(f"it is nested deeper than {max_depth} levels")
        parts: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                parts += [*item, *item.values()]
            elif isinstance(item, list):
                parts += item
            elif isinstance(item, str) and not item.isascii():
                item.encode()  # half a surrogate pair cannot be encoded
        level = parts
    return value
