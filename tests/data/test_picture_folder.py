"""Folders and tables of pictures: what is found, and what is said of all that is something else."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from brickwork.core.errors import DataError
from brickwork.data import picture_column, pictures_in, pictures_of_table, read_picture_folder
from brickwork.data.table import read_table


def put(root: Path, *names: str, size: tuple[int, int] = (6, 8)) -> Path:
    """Write small pictures, of (height, width), and return the folder."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return root


def names(pictures) -> list[str]:
    root = Path(pictures.source)
    return [str(path.relative_to(root)) for path in pictures.paths]


def fails(folder, message, **more):
    with pytest.raises(DataError, match=message):
        read_picture_folder(folder, **more)


def test_a_folder_for_each_class(tmp_path):
    put(tmp_path, "dog/b.png", "dog/a.jpg", "cat/deep/er/z.PNG", "cat/1.bmp", "cat/.hidden.png", ".git/x/y.png")
    for name in ("cat/Thumbs.db", "cat/.DS_Store", "notes.txt", "dog/readme.md"):
        (tmp_path / name).write_text("nothing")
    found = read_picture_folder(tmp_path)
    assert names(found) == ["cat/1.bmp", "cat/deep/er/z.PNG", "dog/a.jpg", "dog/b.png"]
    assert found.labels == ("cat", "cat", "dog", "dog")
    assert found.classes == ("cat", "dog")
    assert found.parts is None
    assert found.sizes.tolist() == [[6, 8]] * 4
    assert found.colored.all()
    assert (found.skipped, found.notes) == ((), ())
    assert pictures_in(tmp_path) == list(found.paths)


def test_classes_that_are_numbers_are_in_their_order(tmp_path):
    found = read_picture_folder(put(tmp_path, "10/a.png", "9/a.png", "1/a.png"))
    assert found.classes == ("1", "9", "10")


def test_parts_that_are_given(tmp_path):
    put(tmp_path, "Train/a/1.png", "Train/b/1.png", "VAL/a/1.png", "test/a/1.png", "test/b/1.png", "extra/c/1.png")
    found = read_picture_folder(tmp_path)
    assert names(found) == ["Train/a/1.png", "Train/b/1.png", "VAL/a/1.png", "test/a/1.png", "test/b/1.png"]
    assert found.parts == ("train", "train", "valid", "test", "test")
    assert "the folder 'extra' with pictures, which are left out" in found.notes[0]
    put(tmp_path, "val2/x/1.png", "test/c/1.png")
    fails(tmp_path, "test part of .* has classes that its train part lacks: 'c'")
    put(tmp_path, "validation/a/1.png")
    fails(tmp_path, "several folders for one part, 'VAL' and 'validation'")


def test_a_test_folder_without_classes_is_for_predicting(tmp_path):
    found = read_picture_folder(put(tmp_path, "train/a/1.png", "train/b/1.png", "test/1.png", "test/2.png"))
    assert found.parts == ("train", "train")
    assert "2 pictures without folders of classes" in found.notes[0]


def test_train_may_be_the_name_of_a_class(tmp_path):
    found = read_picture_folder(put(tmp_path, "bus/1.png", "test/1.png", "train/1.png"))
    assert found.classes == ("bus", "test", "train")
    assert found.parts is None


def test_what_cannot_be_read_is_listed(tmp_path):
    put(tmp_path, "a/1.png", "a/2.png", "b/1.png", "c/1.png")
    (tmp_path / "a" / "0.png").write_bytes(b"no picture")
    (tmp_path / "b" / "2.png").write_bytes(b"")
    (tmp_path / "b" / "3.heic").write_bytes(b"another kind")
    (tmp_path / "empty").mkdir()
    (tmp_path / "beside.png").write_bytes((tmp_path / "a" / "1.png").read_bytes())
    found = read_picture_folder(tmp_path)
    assert names(found) == ["a/1.png", "a/2.png", "b/1.png", "c/1.png"]
    (one, why), (two, reason) = found.skipped
    assert one.endswith("a/0.png")
    assert why.startswith("is not a picture that can be read. Known formats: PNG")
    assert two.endswith("b/2.png")
    assert reason == "is empty: the file has 0 bytes"
    assert found.left_out[0].startswith("2 of 6 pictures are left out: ")
    text = " ".join(found.notes)
    assert "Left out: 1 picture beside the folders of classes, as " in text
    assert "the folder 'empty' has no pictures" in text
    assert "1 file is of kinds that are not read as pictures (1 .heic)" in text
    (tmp_path / "c" / "1.png").write_bytes(b"GIF89a")
    assert read_picture_folder(tmp_path).classes == ("a", "b")


def test_one_class_only(tmp_path):
    put(tmp_path, "cat/1.png", "cat/2.png")
    fails(tmp_path, "has 2 pictures of one class only, 'cat': one class leaves nothing to tell apart")
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "1.png").write_bytes(b"nothing")
    fails(tmp_path, r"one class only, 'cat' \(1 picture could not be read\)")
    (tmp_path / "cat" / "1.png").write_bytes(b"")
    (tmp_path / "cat" / "2.png").write_bytes(b"")
    fails(tmp_path, "None of 3 pictures in .* can be read .*1.png: is empty")


def test_folders_of_something_else(tmp_path):
    fails(tmp_path, "has no pictures: it is empty. Expected is a folder with one sub-folder for each class")
    (tmp_path / "a").mkdir()
    fails(tmp_path, "it has only empty folders")
    (tmp_path / "a" / "sales.csv").write_text("x\n1\n")
    fails(tmp_path, r"it has 1 table \(a/sales.csv\); give such a file by itself")
    (tmp_path / "a" / "sales.csv").rename(tmp_path / "a" / "song.mp3")
    fails(tmp_path, r"it has 1 files of other kinds \(1 .mp3\)")
    fails(tmp_path / "a" / "song.mp3", "is a file, not a folder of pictures")
    fails(tmp_path.parent / (tmp_path.name + "x"), f"There is no folder .* Did you mean '{tmp_path.name}'")
    fails(Path("x" * 5000), "There is no folder|cannot be opened")
    put(tmp_path, "1.png", "2.png")
    fails(tmp_path, "has 2 pictures but no folders that say what they show.*give the table")


def test_a_level_too_deep(tmp_path):
    put(tmp_path, "photos/cat/1.png", "photos/dog/1.png")
    fails(tmp_path, re.escape("all its pictures in one folder, 'photos', in which there are the folders 'cat', 'dog'"))
    put(tmp_path, "train/cat/1.png", "train/dog/1.png")
    (tmp_path / "photos" / "cat" / "1.png").unlink()
    (tmp_path / "photos" / "dog" / "1.png").unlink()
    fails(tmp_path, re.escape(f"give {tmp_path / 'train'}"))


def test_parts_without_classes(tmp_path):
    put(tmp_path, "train/1.png", "test/1.png")
    fails(tmp_path, "train has 1 picture but no folders that say what they show")


def test_links_that_lead_back(tmp_path):
    put(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "b" / "2.png").symlink_to(tmp_path / "nowhere")
    found = read_picture_folder(tmp_path)
    assert names(found) == ["a/1.png", "b/1.png"]  # and not b's once more, as a picture of a
    assert found.notes == (f"{tmp_path / 'a' / 'loop'} is left out: it is a link that leads back into itself.",)
    assert found.skipped == ((str(tmp_path / "b" / "2.png"), "there is no such file"),)


def test_for_a_model_that_knows_its_classes(tmp_path):
    put(tmp_path, "cat/1.png")
    assert read_picture_folder(tmp_path, known=("cat", "dog")).labels == ("cat",)
    fails(tmp_path, "has a folder 'cat', which is none of the 2 classes .* Did you mean 'cats'", known=("cats", "dog"))


def table_of(folder: Path, paths: list[str | None]) -> Path:
    frame = pl.DataFrame({"photo": paths, "weight": range(len(paths))})
    frame.write_csv(folder / "list.csv")
    return folder / "list.csv"


def test_pictures_that_a_table_names(tmp_path):
    put(tmp_path, "photos/1.png", "photos/2.jpg", size=(5, 9))
    (tmp_path / "photos" / "3.png").write_bytes(b"damaged")
    table = read_table(
        table_of(tmp_path, ["photos/1.png", None, "photos/gone.png", str(tmp_path / "photos/2.jpg"), "photos\\3.png"])
    )
    assert picture_column(table) == "photo"
    assert picture_column(table, besides=("photo",)) is None
    found = pictures_of_table(table, "photo")
    assert found.rows is not None
    assert found.rows.tolist() == [0, 3]
    assert [path.name for path in found.paths] == ["1.png", "2.jpg"]
    assert found.sizes.tolist() == [[5, 9], [5, 9]]
    assert [(Path(path).name, why.split(".")[0]) for path, why in found.skipped] == [
        ("gone.png", "there is no such file"),
        ("3.png", "is not a picture that can be read"),
    ]
    assert found.notes == ("1 of 5 rows name no picture in 'photo' and are left out.",)
    with pytest.raises(DataError, match=r"no column 'foto'. Did you mean 'photo'"):
        pictures_of_table(table, "foto")


def test_a_table_far_from_its_pictures(tmp_path):
    put(tmp_path, "photos/1.png", "photos/2.png")
    (tmp_path / "tables").mkdir()
    table = read_table(table_of(tmp_path / "tables", ["photos/1.png", "photos/2.png"]))
    with pytest.raises(DataError, match=r"None of the 2 pictures that 'photo' .* is there: .*put the table bes"):
        pictures_of_table(table, "photo")
    assert len(pictures_of_table(table, "photo", tmp_path)) == 2
    words = read_table(pl.DataFrame({"word": ["cat.png", "dog", "cow"]}))
    assert picture_column(words) is None
