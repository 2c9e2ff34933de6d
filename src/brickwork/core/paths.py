"""Paths name parameters, statistics, settings and taps: `encoder/0_dense/weight`. Patterns select them."""

import re
from collections.abc import Iterable
from functools import lru_cache

from brickwork.core.errors import SettingError, nearest

Patterns = str | tuple[str, ...]


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in parts))


def matches(patterns: Patterns, *path: str) -> bool:
    """Tell whether a path fits one of the patterns: `*` within one level, `**` across levels, `?` one letter.

    A pattern that begins with `!` takes back what it fits: `("**", "!**/lora_*")` is everything but the lora ones.
    A path may be given in several spellings: to fit in one of them is enough, for `!` too.
    """
    patterns = (patterns,) if isinstance(patterns, str) else patterns

    def fits(pattern: str) -> bool:
        return any(_compiled(pattern).fullmatch(spelling) for spelling in path)

    taken_back = any(fits(p[1:]) for p in patterns if p.startswith("!"))
    return not taken_back and any(fits(p) for p in patterns if not p.startswith("!"))


def select(patterns: Patterns, paths: Iterable[str]) -> list[str]:
    """Return the paths that fit one of the patterns, in their order."""
    return [path for path in paths if matches(patterns, path)]


def require_fits(patterns: Patterns, paths: Iterable[str], what: str) -> None:
    """Raise `SettingError`, with the nearest path, for a pattern that no path fits; `**` may fit nothing."""
    known = list(paths)
    for pattern in (patterns,) if isinstance(patterns, str) else patterns:
        bare = pattern.removeprefix("!")
        if bare != "**" and not select(bare, known):
            raise SettingError(f"No {what} fits {pattern!r}. {nearest(bare, known)}")


def join(*parts: str) -> str:
    """Join path parts with slashes; empty parts vanish."""
    return "/".join(part for part in parts if part)


def below(prefix: str, path: str) -> bool:
    """Tell whether a path lies below a prefix; everything lies below the empty one."""
    return not prefix or path.startswith(prefix + "/")
