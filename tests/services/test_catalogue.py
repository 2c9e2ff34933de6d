"""The catalogue: complete, in the order that people read, and every example in it runs."""

import doctest
import json
import re

import jax
import pytest

import brickwork as bw
from brickwork.bricks import INITIALIZERS
from brickwork.cli.main import run
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import SettingError
from brickwork.core.spec import names_of, snake_case
from brickwork.ops import ACTIVATIONS
from brickwork.services.catalogue import KINDS
from brickwork.services.docstrings import parts_of

ENTRIES = [entry for entry in bw.catalogue() if entry.home.startswith("brickwork")]
IDS = [f"{entry.kind}-{entry.name}" for entry in ENTRIES]


@pytest.fixture(autouse=True)
def _compiled_quickly():
    """Examples run once, line by line, and each line is compiled: the machine code need not be fast."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


def test_everything_registered_is_listed():
    listed = {(entry.kind, snake_case(entry.name)) for entry in ENTRIES}
    for kind in ("brick", "loss", "metric", "optimizer", "schedule"):
        ours = {name for name, cls in names_of(kind).items() if cls.key.startswith("brickwork:")}
        assert {name for one, name in listed if one == kind} == ours
        assert len(ours) >= 7
    assert {name for kind, name in listed if kind == "activation"} == set(ACTIVATIONS)
    assert {name for kind, name in listed if kind == "initializer"} == set(INITIALIZERS)


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_every_entry_says_what_a_reader_needs(entry):
    assert entry.idea.endswith((".", "?", ")")), "one sentence"
    assert len(entry.idea) < 160, "one sentence, not too long for a list"
    assert entry.formula or entry.kind == "brick", "a formula, indented below the first sentence"
    assert re.search(r"\b(1[789]|20)\d\d\b", entry.source), "name the source: author, year, title"
    assert 1 <= entry.example.count(">>>") <= 6
    for setting in entry.settings:
        assert setting.text, f"say under Args what {setting.name!r} does"


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_every_example_runs_as_it_is_shown(entry):
    example = doctest.DocTestParser().get_doctest(entry.program + "\n", {}, entry.name, None, 0)
    words: list[str] = []
    failed, tried = doctest.DocTestRunner().run(example, out=words.append)
    assert failed == 0, "".join(words)
    assert tried >= 2


def test_one_by_name_in_any_spelling():
    page = str(bw.catalogue("LSTM"))
    assert page == str(bw.catalogue("lstm")) == str(bw.catalogue("Lstm"))
    for words in (
        "LSTM, a brick",
        "    c' = f c + i g,   h' = o tanh(c')\n",
        "units: size of h and of c.",
        "return_sequence = False: whether",
        "Source: Hochreiter & Schmidhuber 1997",
        "    >>> from brickwork import LSTM\n",
    ):
        assert words in page
    assert ", bce)" in str(bw.catalogue("bce"))
    assert bw.catalogue()["relu"].kind == "activation"


def test_one_name_of_two_kinds_shows_both():
    assert {entry.kind for entry in bw.catalogue("mse")} == {"loss", "metric"}
    assert {entry.kind for entry in bw.catalogue("mse", kind="metric")} == {"metric"}


def test_a_kind():
    losses = bw.catalogue("losses")
    assert {entry.kind for entry in losses} == {"loss"}
    assert len(losses) == len(bw.catalogue(kind="loss")) >= 5
    assert str(losses).startswith(f"LOSSES ({len(losses)})")


def test_mistyped_names_suggest_the_nearest():
    with pytest.raises(SettingError, match="Did you mean 'LSTM'"):
        bw.catalogue("LSTN")
    with pytest.raises(SettingError, match="Did you mean 'losses'"):
        bw.catalogue(kind="lossess")
    with pytest.raises(SettingError, match="in the catalogue"):
        bw.catalogue()["no such thing"]


@brick
class CatalogueSample(Brick):
    """What a user wrote."""

    by: float = 2.0

    def __call__(self, scope, x):
        return x * self.by


def test_a_users_own_brick_is_listed():
    entry = bw.catalogue()["catalogue_sample"]
    assert entry.idea == "What a user wrote."
    assert entry.home == __name__
    assert "by = 2.0: a number" in entry.page


def test_parts_of_a_docstring():
    def documented():
        """The idea
        on two lines.

            y = a x
              + b

        Some text.
        Shapes: x any.

        Args:
            a: what it
                does.
            b: more.

        Raises:
            ValueError: never.

        Source: Somebody 1999, "Title",
        section 2.

        >>> 1 + 1
        2
        """

    parts = parts_of(documented)
    assert parts.idea == "The idea on two lines."
    assert parts.formula == "y = a x\n  + b"
    assert parts.text == ("Some text.",)
    assert parts.shapes == "x any."
    assert parts.settings == {"a": "what it does.", "b": "more."}
    assert parts.source == 'Somebody 1999, "Title", section 2.'
    assert parts.example == ">>> 1 + 1\n2"


def test_the_command(capsys):
    assert run(["catalogue"]) == 0
    text = capsys.readouterr().out
    assert all(f"{many.upper()} (" in text for many in KINDS.values())
    assert "Show one with: brickwork catalogue NAME" in text
    assert run(["catalogue", "LSTM"]) == 0
    assert capsys.readouterr().out.startswith("LSTM, a brick\n")
    assert run(["catalogue", "Dence"]) == 1
    assert "Did you mean 'Dense'?" in capsys.readouterr().err
    assert run(["catalogue", "losses", "--json"]) == 0
    assert {entry["kind"] for entry in json.loads(capsys.readouterr().out)} == {"loss"}
    assert run(["catalogue", "--kind", "optimizers", "-q"]) == 0
    assert "Adam\n" in capsys.readouterr().out
