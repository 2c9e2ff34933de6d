"""Settings are checked, compared, and stored as JSON that is read back without trust."""

import json
import math
from typing import Any, Literal

import numpy as np
import pytest
from core_samples import SampleDrop, SampleLinear, chain
from hypothesis import given, settings
from hypothesis import strategies as st

from brickwork.bricks import Dense
from brickwork.core.brick import Brick
from brickwork.core.errors import BundleError, SettingError
from brickwork.core.spec import (
    MAX_DEPTH,
    MAX_NODES,
    Spec,
    from_json,
    lookup,
    names_of,
    registered,
    resolve,
    snake_case,
    to_json,
)
from brickwork.losses import MeanSquaredError, resolve_loss


@registered
class SampleSettings(Spec):
    """One field of every type."""

    kind = "sample"
    aliases = ("everything",)

    number: int = 1
    ratio: float = 0.5
    flag: bool = False
    text: str = "x"
    maybe: int | None = None
    mode: Literal["same", "valid"] = "same"
    pair: tuple[int, int] = (1, 1)
    many: tuple[float, ...] = ()
    part: Spec | None = None
    free: Any = None

    def validate(self) -> None:
        self.require(self.number < 100, "number", "below 100")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("number", 1.0, "'number' must be a whole number, got 1.0"),
        ("number", True, "'number' must be a whole number, got True"),
        ("number", "3", "'number' must be a whole number, got '3'"),
        ("ratio", "0.5", "'ratio' must be a number"),
        ("ratio", False, "'ratio' must be a number"),
        ("ratio", None, "'ratio' must be a number"),
        ("flag", 1, "'flag' must be true or false"),
        ("text", b"x", "'text' must be a text"),
        ("maybe", 1.5, "a whole number, or None"),
        ("mode", "sam", "one of 'same', 'valid', got 'sam'. Did you mean 'same'?"),
        ("pair", (1, 2, 3), "a whole number; a whole number"),
        ("pair", 1, "a whole number; a whole number"),
        ("many", (1.0, "2"), "a sequence, each a number"),
        ("part", "dense", "a Spec"),
        ("free", {"a": 1}, "'free'"),
        ("free", len, "'free'"),
        ("number", 100, "'number' must be below 100, got 100"),
    ],
)
def test_wrong_settings_are_refused_in_words(name, value, words):
    with pytest.raises(SettingError) as caught:
        SampleSettings(**{name: value})
    assert "SampleSettings" in str(caught.value)
    assert words in str(caught.value)


def test_right_settings_are_stored_in_one_form():
    spec = SampleSettings(
        number=np.int32(3), ratio=2, pair=[1, np.int64(2)], many=[1, 2.5], maybe=None, free=[1, ("a", [2])]
    )
    assert spec.number == 3
    assert type(spec.number) is int
    assert spec.pair == (1, 2)
    assert spec.free == (1, ("a", (2,)))
    assert spec.many == (1, 2.5)
    assert hash(spec) == hash(SampleSettings(3, 2, pair=(1, 2), many=(1, 2.5), free=(1, ("a", (2,)))))
    assert spec.replace(number=4).number == 4
    assert spec.replace(number=4) != spec
    with pytest.raises(SettingError, match="below 100"):
        spec.replace(number=100)
    with pytest.raises(AttributeError):
        spec.number = 5  # pyright: ignore


def test_from_settings_names_what_is_unknown_or_missing():
    with pytest.raises(SettingError, match=r"no setting 'numbr'\. Did you mean 'number'\?"):
        SampleSettings.from_settings({"numbr": 3})
    with pytest.raises(SettingError, match="SampleLinear needs the setting 'units'"):
        SampleLinear.from_settings({})


def test_specs_must_be_registered():
    class SampleForgotten(Brick):
        units: int = 1

    with pytest.raises(SettingError, match=r"SampleForgotten is not registered: write @brick above"):
        SampleForgotten()


def test_defaults_are_plain():
    import dataclasses

    with pytest.raises(SettingError, match=r"SampleFactory\.items"):

        @registered
        class SampleFactory(Spec):
            kind = "sample_factories"
            items: tuple[int, ...] = dataclasses.field(default_factory=tuple)


def test_the_registry_finds_by_every_name():
    for name in ("SampleSettings", "sample_settings", "everything"):
        assert lookup("sample", name) is SampleSettings
    assert names_of("sample") == {"sample_settings": SampleSettings}
    assert names_of("nothing") == {}
    with pytest.raises(SettingError, match=r"no sample named 'sample_setings'\. Did you mean 'sample_settings'\?"):
        lookup("sample", "sample_setings")
    assert resolve(SampleSettings, "everything") == SampleSettings()
    assert resolve(SampleSettings, SampleSettings(3)) == SampleSettings(3)
    with pytest.raises(SettingError, match=r"a name or a settings object, got 3 \(int\)"):
        resolve(SampleSettings, 3)


def test_a_class_defined_again_replaces_the_first():
    def define(default):
        @registered
        class SampleAgain(Spec):
            kind = "sample_again"
            value: int = default

        return SampleAgain

    first, second = define(1), define(2)
    assert lookup("sample_again", "SampleAgain") is second
    assert first is not second
    assert from_json({"spec": second.key, "settings": {}}).value == 2


def define(name: str, kind: str, package: str = "some_package", aliases: tuple[str, ...] = (), version: int = 1) -> Any:
    """Register a spec class as a package would that has it in its module `parts`."""
    namespace = {"__module__": f"{package}.parts", "__annotations__": {}, "kind": kind, "aliases": aliases}
    return registered(version=version)(type(name, (Spec,), namespace))


def test_names_belong_to_one_package():
    ours = define("SampleOwned", "sample_owned", aliases=("mine",))
    for name, aliases in (("SampleOwned", ()), ("SampleOther", ("mine",)), ("SampleOther", ("sample_owned",))):
        with pytest.raises(SettingError, match=r"belongs to some_package:SampleOwned@1 already: other_package:Sample"):
            define(name, "sample_owned", "other_package", aliases)
    for name in ("SampleOwned", "sample_owned", "mine"):
        assert lookup("sample_owned", name) is ours
    assert names_of("sample_owned") == {"sample_owned": ours}
    with pytest.raises(SettingError, match="no sample_owned named 'SampleOther'"):
        lookup("sample_owned", "SampleOther")
    with pytest.raises(BundleError, match=r"Import other_package first"):
        from_json({"spec": "other_package:SampleOwned@1", "settings": {}})
    newer = define("SampleOwned", "sample_owned", version=2)  # the package itself may go on
    assert lookup("sample_owned", "SampleOwned") is newer


def test_the_packages_own_names_are_taken():
    assert Dense.key == "brickwork:Dense@1"
    with pytest.raises(SettingError, match="The name 'Dense' of a brick belongs to brickwork:Dense@1 already"):
        define("Dense", "brick")
    with pytest.raises(SettingError, match=r"'mse' of a loss belongs to brickwork:MeanSquaredError@1"):
        define("SampleError", "loss", aliases=("mse",))
    assert resolve_loss("mse") == MeanSquaredError()


def test_a_key_has_one_kind():
    ours = define("SampleKinds", "sample_kind")
    with pytest.raises(SettingError, match="some_package:SampleKinds@1 is a sample_kind already; a sample_other_kind"):
        define("SampleKinds", "sample_other_kind")
    assert type(from_json({"spec": ours.key, "settings": {}})) is ours
    assert names_of("sample_other_kind") == {}
    theirs = define("SampleKinds", "sample_other_kind", "other_package")  # another key: both are known
    assert lookup("sample_other_kind", "sample_kinds") is theirs
    assert lookup("sample_kind", "sample_kinds") is ours


@pytest.mark.parametrize(
    ("name", "snake"),
    [("MaxPool", "max_pool"), ("LSTM", "lstm"), ("BatchNorm", "batch_norm"), ("A", "a")],
)
def test_snake_case(name, snake):
    assert snake_case(name) == snake


# -------------------------------------------------------------------------------------------------------- JSON


def through_text(spec):
    return from_json(json.loads(json.dumps(to_json(spec), allow_nan=False)))


def test_json_round_trip():
    spec = SampleSettings(3, 1e-300, True, "ü\n", None, "valid", (2, -3), (math.inf, -math.inf, 0.1), SampleDrop(0.25))
    assert through_text(spec) == spec
    assert to_json(spec)["spec"] == "test_spec:SampleSettings@1"
    assert to_json(SampleDrop(0.25)) == {"spec": "core_samples:SampleDrop@1", "settings": {"rate": 0.25}}
    assert math.isnan(through_text(SampleSettings(ratio=math.nan)).ratio)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(-(2**60), 99),
    st.floats(allow_nan=False),
    st.booleans(),
    st.text(max_size=30),
    st.none() | st.integers(),
    st.lists(st.floats(allow_nan=False), max_size=4),
)
def test_json_round_trip_of_anything(number, ratio, flag, text, maybe, many):
    spec = SampleSettings(number, ratio, flag, text, maybe, many=tuple(many))
    assert through_text(spec) == spec


def test_functions_are_no_data():
    @registered
    class SampleHook(Spec):
        kind = "sample_hooks"
        hook: type = int

    with pytest.raises(SettingError, match="Write a registered class with settings in place of a function"):
        to_json(SampleHook())


def test_versions_and_missing_classes():
    @registered(version=3)
    class SampleAged(Spec):
        kind = "sample_aged"

    assert SampleAged.key == "test_spec:SampleAged@3"
    with pytest.raises(BundleError, match=r"version 4; here is version 3\. Update test_spec"):
        from_json({"spec": "test_spec:SampleAged@4", "settings": {}})
    with pytest.raises(BundleError, match=r"version 2; here is version 3\. Install an older test_spec"):
        from_json({"spec": "test_spec:SampleAged@2", "settings": {}})
    with pytest.raises(BundleError, match=r"not registered here\. Import mypackage first"):
        from_json({"spec": "mypackage:Thing@1", "settings": {}})
    with pytest.raises(BundleError, match="Define it as it was"):
        from_json({"spec": "__main__:Thing@1", "settings": {}})


@pytest.mark.parametrize(
    "data",
    [
        {"spec": "core_samples:SampleLinear@1"},
        {"settings": {}},
        {"spec": "core_samples:SampleLinear@1", "settings": {}, "code": "import os"},
        {"spec": "core_samples:SampleLinear@1", "settings": [1]},
        {"spec": "core_samples:SampleLinear@1", "settings": {"units": "many"}},
        {"spec": "core_samples:SampleLinear@1", "settings": {"units": 1, "extra": 2}},
        {"spec": "core_samples:SampleLinear@1", "settings": {}},
        {"spec": "core_samples:SampleDrop@1", "settings": {"rate": 1.0}},
        {"spec": 5, "settings": {}},
        {"spec": "core_samples.SampleLinear", "settings": {}},
        {"spec": "core_samples:SampleLinear@1; import os", "settings": {}},
        {"spec": "core_samples:SampleLinear@1\n", "settings": {}},
        {"number": "1"},
        {"number": ["nan"]},
        {},
        "x" * 10_001,
        list(range(MAX_NODES + 1)),
    ],
)
def test_bad_descriptions(data):
    with pytest.raises(BundleError):
        from_json(data)


def test_depth_is_bounded():
    deep: Any = 1
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    with pytest.raises(BundleError, match="levels"):
        from_json(deep)


def test_a_deep_network_within_the_bounds_comes_back():
    net = SampleLinear(2)
    for _ in range(25):
        net = chain(net)
    assert through_text(net) == net
