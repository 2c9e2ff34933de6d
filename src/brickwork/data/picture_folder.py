"""Folders of pictures: a sub-folder for each class, in parts where they are given."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from brickwork.core.errors import DataError, nearest
from brickwork.data.picture_files import Contents, Pictures, below, entries_of, is_picture, with_headers

PARTS = {
    "train": "train", "training": "train",
    "valid": "valid", "val": "valid", "validation": "valid", "dev": "valid",
    "test": "test", "testing": "test",
}  # fmt: skip
"""What folders of parts are called, in any case, and which part that is."""

EXPECTED = (
    "Expected is a folder with one sub-folder for each class, as in animals/cat/1.png and animals/dog/2.jpg; "
    "or folders train, valid and test with such sub-folders."
)

TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".arrow", ".feather", ".xlsx")
TEXTS = (".txt", ".md", ".rst", ".log", ".html", ".pdf", ".json", ".yaml", ".yml", ".xml", ".csv", ".tsv", ".py")
"""Files that lie beside pictures without being meant as such."""


@dataclass(frozen=True)
class Found:
    """The pictures of one class in one part."""

    part: str | None
    label: str
    contents: Contents


def read_picture_folder(folder: str | os.PathLike[str], known: Sequence[str] | None = None) -> Pictures:
    """Return the pictures in a folder that has one sub-folder for each class.

    Pictures anywhere below a class's folder belong to it. Folders named train, valid (val, validation) and test are
    respected as parts. Files are taken in order of their names; hidden files, texts and what systems leave behind are
    not seen. What cannot be read as a picture is skipped, and listed in `Pictures.skipped`.

    Args:
        folder: the folder.
        known: the classes that a model knows: others are an error then, and a single one is none.

    Raises:
        DataError: it is no such folder (saying what was found), has a single class, no picture that can be read, or
            classes in valid or test that train lacks.
    """
    folder = Path(folder)
    check_folder(folder)
    notes: list[str] = []
    found = _parted(folder, notes)
    parted = found is not None
    if found is None:
        found = _classes(folder, None)
        beside = [entry for entry in entries_of(folder) if entry.is_file() and is_picture(entry)]
        _check_classes(folder, found, beside, known)
        notes += _beside(beside)
    full = [one for one in found if one.contents.pictures]
    notes += _empty(found)
    notes += _unreadable([path for one in found for path in one.contents.others])
    notes += [f"{path} is left out: {why}." for one in found for path, why in one.contents.closed]
    paths: list[Path] = [path for one in full for path in one.contents.pictures]
    labels = [one.label for one in full for _ in one.contents.pictures]
    parts = [one.part for one in full for _ in one.contents.pictures]
    pictures, kept = with_headers(str(folder), paths)
    pictures = replace(
        pictures,
        labels=tuple(labels[place] for place in kept),
        parts=tuple(str(parts[place]) for place in kept) if parted else None,
        notes=tuple(notes),
    )
    check_pictures_left(pictures, known)
    return pictures


def pictures_in(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the files of pictures anywhere below a folder, in order of their names, whatever their folders mean.

    Raises `DataError` when the folder is missing or has none.
    """
    folder = Path(folder)
    check_folder(folder)
    contents = below(folder)
    if not contents.pictures:
        raise DataError(f"{folder} has no pictures: {_what(folder, contents)}.")
    return list(contents.pictures)


def check_folder(folder: Path) -> None:
    """Raise `DataError` for what is no folder, naming the nearest one there."""
    try:
        if folder.is_dir():
            return
        if folder.exists():
            raise DataError(f"{folder} is a file, not a folder of pictures. {EXPECTED}")
        others = [entry.name for entry in folder.parent.iterdir() if entry.is_dir()] if folder.parent.is_dir() else []
    except OSError as error:
        raise DataError(f"{str(folder)[:200]} cannot be opened: {error.strerror or error}.") from error
    hint = nearest(folder.name, others)
    raise DataError(f"There is no folder {str(folder)!r}." + (f" {hint}" if hint.startswith("Did you mean") else ""))


def check_pictures_left(pictures: Pictures, known: Sequence[str] | None = None) -> None:
    """Raise `DataError` when too few pictures could be read: none, of a single class, or none to train with.

    The classes of valid and test must be among those of train, and of `known` where that is given.
    """
    if not len(pictures):
        listed = "; ".join(f"{path}: {why}" for path, why in pictures.skipped[:3])
        raise DataError(
            f"None of {_pictures(len(pictures.skipped))} in {pictures.source} can be read"
            + (f" ({listed}" + ("; ..." if len(pictures.skipped) > 3 else "") + ")." if listed else ".")
        )
    if pictures.labels is None:
        return
    if known is not None:
        for label in pictures.classes:
            if label not in known:
                raise DataError(
                    f"{pictures.source} has a folder {label!r}, which is none of the {len(known)} classes that the "
                    f"model knows. {nearest(label, known)}"
                )
        return
    parts = pictures.parts or ("train",) * len(pictures)
    of_train = {label for label, part in zip(pictures.labels, parts, strict=True) if part == "train"}
    for part in ("valid", "test"):
        extra = sorted({label for label, one in zip(pictures.labels, parts, strict=True) if one == part} - of_train)
        if extra:
            raise DataError(
                f"The {part} part of {pictures.source} has classes that its train part lacks: "
                f"{', '.join(map(repr, extra[:5]))}{', ...' if len(extra) > 5 else ''}. "
                f"{nearest(extra[0], of_train)} What is tested must have been shown in training."
            )
    if len(pictures.classes) < 2:
        lost = f" ({_pictures(len(pictures.skipped))} could not be read)" if pictures.skipped else ""
        raise DataError(
            f"{pictures.source} has {_pictures(len(pictures))} of one class only, {pictures.labels[0]!r}{lost}: "
            "one class leaves nothing to tell apart."
        )


def _parted(folder: Path, notes: list[str]) -> list[Found] | None:
    """Return what is found in folders of parts, or None where there are no such."""
    entries = sorted(entries_of(folder))
    folders = [entry for entry in entries if entry.is_dir()]
    parts = {entry: PARTS[entry.name.lower()] for entry in folders if entry.name.lower() in PARTS}
    if "train" not in parts.values() or len(parts) < 2:
        return None
    found: list[Found] = []
    for part in ("train", "valid", "test"):
        places = [entry for entry, one in parts.items() if one == part]
        if len(places) > 1:
            names = " and ".join(repr(place.name) for place in places)
            raise DataError(f"{folder} has several folders for one part, {names}: which one is meant? Leave one.")
        for place in places:
            here = _classes(place, part)
            loose = [entry for entry in entries_of(place) if entry.is_file() and is_picture(entry)]
            if any(one.contents.pictures for one in here):
                found += here
                notes += _beside(loose)
            elif part == "test" and loose:
                notes.append(
                    f"{place} has {_pictures(len(loose))} without folders of classes: nothing can be tested with them, "
                    "and they are left out. They can be predicted."
                )
            elif part == "train":
                if len(parts) < len(folders):  # then train is the name of a class, as in bus, car, train
                    return None
                _check_classes(place, here, loose, None)
            else:
                notes.append(f"{place} has no pictures in folders of classes and is left out.")
    aside = [entry.name for entry in folders if entry not in parts and below(entry).pictures]
    if aside:
        notes.append(f"Besides the parts {folder} has {_names(aside)} with pictures, which are left out.")
    return found


def _classes(folder: Path, part: str | None) -> list[Found]:
    return [Found(part, entry.name, below(entry)) for entry in sorted(entries_of(folder)) if entry.is_dir()]


def _check_classes(folder: Path, found: list[Found], beside: list[Path], known: Sequence[str] | None) -> None:
    """Raise `DataError` for folders that are no folder of classes, saying what they are instead."""
    full = [one for one in found if one.contents.pictures]
    if not full and not beside:
        raise DataError(f"{folder} has no pictures: {_what(folder, below(folder))}. {EXPECTED}")
    if not full:
        raise DataError(
            f"{folder} has {_pictures(len(beside))} but no folders that say what they show. {EXPECTED} Where a table "
            "says it, give the table: a column of paths and a column to learn."
        )
    if len(full) > 1 or known is not None:
        return
    only = full[0]
    inner = folder / only.label
    deeper = [entry.name for entry in sorted(entries_of(inner)) if entry.is_dir() and below(entry).pictures]
    if len(deeper) > 1:
        raise DataError(
            f"{folder} has all its pictures in one folder, {only.label!r}, in which there are {_names(deeper)}: "
            f"give {inner}."
        )


def _what(folder: Path, contents: Contents) -> str:
    """Say what is found in a folder that has no pictures."""
    tables = [path for path in contents.others if path.name.lower().endswith(TABLES)]
    if tables:
        shown = ", ".join(str(path.relative_to(folder)) for path in tables[:3]) + (", ..." if len(tables) > 3 else "")
        return f"it has {len(tables)} {'table' if len(tables) == 1 else 'tables'} ({shown}); give such a file by itself"
    if contents.others:
        kinds = Counter(path.suffix.lower() or "no suffix" for path in contents.others)
        return f"it has {len(contents.others):,} files of other kinds ({_kinds(kinds)})"
    if contents.closed:
        return f"{contents.closed[0][0]}: {contents.closed[0][1]}"
    return "it has only empty folders" if any(True for _ in entries_of(folder)) else "it is empty"


def _beside(loose: list[Path]) -> list[str]:
    if not loose:
        return []
    return [f"Left out: {_pictures(len(loose))} beside the folders of classes, as {loose[0]}."]


def _empty(found: list[Found]) -> list[str]:
    names = [one.label if one.part is None else f"{one.part}/{one.label}" for one in found if not one.contents.pictures]
    return [f"{_names(names)} {'has' if len(names) == 1 else 'have'} no pictures."] if names else []


def _unreadable(others: list[Path]) -> list[str]:
    """Say which files may have been meant as pictures and are of kinds that are not read."""
    kinds = Counter(path.suffix.lower() or "no suffix" for path in others if path.suffix.lower() not in TEXTS)
    count = sum(kinds.values())
    if not count:
        return []
    are = "file is" if count == 1 else "files are"
    return [f"{count:,} {are} of kinds that are not read as pictures ({_kinds(kinds)})."]


def _pictures(count: int) -> str:
    return f"{count:,} picture{'s' * (count != 1)}"


def _kinds(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} {suffix}" for suffix, count in kinds.most_common(4)) + (
        ", ..." if len(kinds) > 4 else ""
    )


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"the folder {shown}" if len(names) == 1 else f"the folders {shown}"
