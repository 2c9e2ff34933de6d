"""A bundle comes back bit for bit, and a bad one is refused in words, whatever is in it."""

import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from core_samples import SampleCount, SampleDrop, SampleLinear, SampleStack, SampleTwice, chain, ones
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import BundleError, SettingError, ShapeError, StorageError
from brickwork.core.variables import Variables
from brickwork.storage.bundle import Bundle, Limits, load_bundle, read_header, save_bundle

NET = chain(SampleLinear(4), SampleCount(), SampleStack(chain(SampleLinear(4), SampleDrop(0.25)), 3))
EXAMPLE = jax.ShapeDtypeStruct((2, 3), jnp.float32)
EXTRA = {"card": {"title": "Ein Täfelchen", "score": 0.5, "none": None, "worst": float("inf")}, "classes": ["a", "b"]}


def model() -> Bundle:
    return Bundle(NET, NET.init(jax.random.key(0), EXAMPLE), (EXAMPLE,), EXTRA)


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("bundle") / "model.brickwork"
    save_bundle(path, model())
    return path.read_bytes()


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(parts, *, seal=True, compression=zipfile.ZIP_STORED) -> bytes:
    """Make a zip of members; `seal` writes the right digests, as someone who knows the format would."""
    parts = dict(parts)
    if seal and "brickwork.json" in parts:
        about = json.loads(parts["brickwork.json"])
        about["sha256"] = {n: hashlib.sha256(d).hexdigest() for n, d in parts.items() if n != "brickwork.json"}
        parts["brickwork.json"] = json.dumps(about).encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return target.getvalue()


def refused(tmp_path, data: bytes, words: str, limits: Limits | None = None) -> str:
    path = tmp_path / "bad.brickwork"
    path.write_bytes(data)
    for read in (load_bundle, read_header) if "weights.*is not what" not in words else (load_bundle,):
        with pytest.raises(BundleError, match=words) as caught:
            read(path, limits=limits or Limits())
        assert "bad.brickwork" in str(caught.value)
        assert len(str(caught.value)) < 3000
    return str(caught.value)


def edited(data: bytes, member: str, change) -> bytes:
    """Change the JSON of one member and seal the file again."""
    parts = members(data)
    value = json.loads(parts[member])
    parts[member] = json.dumps(change(value) or value).encode()
    return pack(parts)


def with_header(data: bytes, change, numbers: bytes | None = None) -> bytes:
    """Change the header of the weights and seal the file again."""
    parts = members(data)
    weights = parts["weights.safetensors"]
    end = 8 + int.from_bytes(weights[:8], "little")
    header = json.loads(weights[8:end])
    new = change(header)
    new = new if isinstance(new, bytes) else json.dumps(new or header).encode()
    parts["weights.safetensors"] = len(new).to_bytes(8, "little") + new + (numbers or weights[end:])
    return pack(parts)


def same(one: Variables, two: Variables) -> bool:
    def alike(a, b):
        return a.keys() == b.keys() and all(
            a[k].dtype == b[k].dtype and np.asarray(a[k]).tobytes() == np.asarray(b[k]).tobytes() for k in a
        )

    return alike(one.params, two.params) and alike(one.stats, two.stats)


# ------------------------------------------------------------------------------------------------- round trips


def test_round_trip_is_exact(tmp_path):
    saved = model()
    save_bundle(tmp_path / "a", saved)
    loaded = load_bundle(tmp_path / "a")
    assert loaded.spec == saved.spec
    assert same(loaded.variables, saved.variables)
    assert loaded.inputs == saved.inputs
    assert loaded.extra == saved.extra
    assert loaded.format == 1
    assert loaded.written_by["jax"] == jax.__version__
    x = jnp.ones((5, 3))
    np.testing.assert_array_equal(NET.apply(loaded.variables, x).output, NET.apply(saved.variables, x).output)


def test_equal_models_give_equal_bytes(tmp_path, original):
    again = model()
    shuffled = Variables(dict(reversed(again.variables.params.items())), dict(again.variables.stats))
    save_bundle(tmp_path / "a", Bundle(again.spec, shuffled, again.inputs, dict(reversed(again.extra.items()))))
    assert (tmp_path / "a").read_bytes() == original
    other = again.variables.merge(Variables({"0/bias": jnp.ones(4)}))
    save_bundle(tmp_path / "a", Bundle(again.spec, other, again.inputs, again.extra))
    assert (tmp_path / "a").read_bytes() != original


def test_the_weights_are_in_the_safetensors_format(tmp_path, original):
    path = tmp_path / "w"
    path.write_bytes(members(original)["weights.safetensors"])
    saved = model().variables
    with safe_open(path, "np") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert found.keys() == {f"params/{p}" for p in saved.params} | {f"stats/{p}" for p in saved.stats}
    np.testing.assert_array_equal(found["params/2/copies/0/weight"], saved.params["2/copies/0/weight"])


@brick
class SampleShelf(Brick):
    """Declares arrays of given shapes and does nothing with them."""

    shapes: tuple[tuple[int, ...], ...]

    def __call__(self, scope, x):
        for index, shape in enumerate(self.shapes):
            scope.param(f"p{index}", shape, ones)
        return x


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16", "int8", "int16", "int32", "uint8", "uint32"])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (7,), (2, 3, 5)])
def test_every_type_and_shape_comes_back_bit_for_bit(tmp_path, name, shape):
    bits = np.random.default_rng(0).integers(0, 256, int(np.prod(shape)) * jnp.dtype(name).itemsize, np.uint8)
    value = bits.view(jnp.dtype(name)).reshape(shape)  # nan, inf and subnormal numbers among them
    net = SampleShelf((shape, (2,)))
    variables = Variables({"p0": jnp.asarray(value), "p1": jnp.arange(2.0)})
    save_bundle(tmp_path / "a", Bundle(net, variables, (EXAMPLE,)))
    loaded = load_bundle(tmp_path / "a").variables
    assert same(loaded, variables)
    assert np.asarray(loaded.params["p0"]).tobytes() == bits.tobytes()


_BESIDE = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent / "core")}


def test_wide_types_need_x64(tmp_path):
    code = """
import jax, numpy as np, sys
jax.config.update("jax_enable_x64", True)
from test_bundle import *
net = SampleShelf(((2,),))
save_bundle(sys.argv[1], Bundle(net, Variables({"p0": jnp.asarray([1 / 3, 2.0], jnp.float64)}), (EXAMPLE,)))
assert load_bundle(sys.argv[1]).variables.params["p0"][0] == 1 / 3
"""
    path = tmp_path / "wide"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, cwd=Path(__file__).parent, env=_BESIDE)
    with pytest.raises(BundleError, match="JAX_ENABLE_X64"):
        load_bundle(path)
    assert read_header(path).variables.params["p0"].dtype == np.float64


def test_inputs_of_every_structure_come_back(tmp_path):
    @brick
    class SampleAnything(Brick):
        padded = "aware"

        def __call__(self, scope, *inputs):
            return inputs

    def leaf(*shape, dtype=jnp.float32):
        return jax.ShapeDtypeStruct(shape, dtype)

    inputs = (
        {"words": Padded(leaf(2, 9, dtype=jnp.int32), leaf(2, dtype=jnp.int32)), "shape": leaf(2), "tuple": leaf(2)},
        (leaf(2, dtype=jnp.bfloat16), [leaf(2, 1, dtype=jnp.uint8), leaf(2, dtype=jnp.bool_)]),
        leaf(),
    )
    save_bundle(tmp_path / "a", Bundle(SampleAnything(), Variables({}), inputs))
    assert load_bundle(tmp_path / "a").inputs == inputs


def test_arrays_serve_as_example_inputs(tmp_path):
    saved = model()
    save_bundle(tmp_path / "a", Bundle(saved.spec, saved.variables, (np.zeros((2, 3), np.float32),)))
    assert load_bundle(tmp_path / "a").inputs == (EXAMPLE,)


def test_the_header_is_read_without_the_weights(tmp_path, original):
    path = tmp_path / "a"
    path.write_bytes(original)
    header = read_header(path)
    assert header.extra == EXTRA
    assert header.spec == NET
    assert header.variables.params["0/weight"] == jax.ShapeDtypeStruct((3, 4), jnp.float32)
    assert header.variables.stats["1/runs"] == jax.ShapeDtypeStruct((), jnp.float32)


def test_loaded_weights_do_not_follow_the_file(tmp_path, original):
    path = tmp_path / "a"
    path.write_bytes(original)
    loaded = load_bundle(path)
    with path.open("r+b") as file:
        file.write(b"\0" * len(original))
    assert same(loaded.variables, model().variables)


# ------------------------------------------------------------------------------------------------------- saving


def test_a_model_that_would_not_load_is_not_saved(tmp_path):
    saved = model()
    short = Variables({"0/bias": jnp.zeros(4)})
    path = tmp_path / "a"
    with pytest.raises(ShapeError, match=r"0/weight.*not stored"):
        save_bundle(path, Bundle(saved.spec, short, saved.inputs))
    wrong = saved.variables.merge(Variables({"0/bias": jnp.zeros(5)}))
    with pytest.raises(ShapeError, match=r"0/bias.*\(5,\).*\(4,\)"):
        save_bundle(path, Bundle(saved.spec, wrong, saved.inputs))
    with pytest.raises(SettingError, match="key<fry>"):
        save_bundle(path, Bundle(saved.spec, Variables({"k": jax.random.key(0)}), saved.inputs))
    with pytest.raises(SettingError, match="complex64"):
        save_bundle(path, Bundle(saved.spec, Variables({"k": jnp.zeros(2, jnp.complex64)}), saved.inputs))
    for name in ("../evil", "a/b", "Card", "", "x" * 65):
        with pytest.raises(SettingError, match="name a document"):
            save_bundle(path, Bundle(saved.spec, saved.variables, saved.inputs, {name: 1}))
    for document in (object(), {1: 2}, {"a": {3}}, lambda: 0, np.zeros(3), b"bytes"):
        with pytest.raises(SettingError, match="stored as JSON"):
            save_bundle(path, Bundle(saved.spec, saved.variables, saved.inputs, {"card": document}))
    with pytest.raises(SettingError, match="input of type"):
        save_bundle(path, Bundle(saved.spec, saved.variables, ("text",)))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_model(tmp_path, original):
    path = tmp_path / "a"
    path.write_bytes(original)
    net = SampleShelf(((100_000,),))
    large = Bundle(net, Variables({"p0": jnp.ones(100_000)}), (EXAMPLE,))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))  # writing past it fails, as on a full disk
    try:
        with pytest.raises(StorageError, match="larger than this system allows"):
            save_bundle(path, large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == original
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


# -------------------------------------------------------------------------------------------------- bad files


def test_what_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match="There is no file"):
        load_bundle(tmp_path / "nothing")
    with pytest.raises(BundleError, match=r"not a file|directory"):
        load_bundle(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BundleError, match="not a file"):
        load_bundle(tmp_path / "pipe")
    with pytest.raises(BundleError, match="not a file"):
        load_bundle("/dev/zero")
    with pytest.raises(BundleError, match="null"):
        load_bundle("a\0b")
    for data in (b"", b"PK", b"hello", b"\x80\x04K\x01.", bytes(1000)):
        refused(tmp_path, data, "no Brickwork model")
    refused(tmp_path, pack({"a.txt": b"hi"}), r"it has no brickwork\.json")
    refused(tmp_path, pack({"brickwork.json": b'{"format": "other"}'}), "does not say so")
    refused(tmp_path, pack({"brickwork.json": b"[1, 2]"}, seal=False), "does not say so")


def test_truncated(tmp_path, original):
    for length in (1, 100, len(original) // 2, len(original) - 1, len(original) - 22):
        refused(tmp_path, original[:length], "no Brickwork model|truncated|damaged")


def test_tampered(tmp_path, original):
    parts = members(original)
    for name in parts:
        changed = bytearray(parts[name])
        changed[-1] ^= 1
        data = pack({**parts, name: bytes(changed)}, seal=False)
        words = "weights.*is not what" if name == "weights.safetensors" else f"{name} is not (what|the JSON)"
        refused(tmp_path, data, words)
    where = original.index(b'"written_by"') + 30
    damaged = bytearray(original)
    damaged[where] ^= 1  # a digit of a version in brickwork.json, which no digest covers
    refused(tmp_path, bytes(damaged), r"brickwork\.json is not what")


def test_a_newer_format_says_to_update(tmp_path, original):
    data = edited(original, "brickwork.json", lambda about: {**about, "version": 2})
    assert "Update Brickwork" in refused(tmp_path, data, "version 2 of the format")
    parts = members(data) | {"something/new.bin": b"1"}
    refused(tmp_path, pack(parts), "Update Brickwork")
    for version in (0, -1, True, "1", 1.5, None):
        refused(
            tmp_path,
            edited(original, "brickwork.json", lambda about, v=version: {**about, "version": v}),
            "no Brickwork",
        )


def test_members_must_be_the_known_ones(tmp_path, original):
    parts = members(original)
    for name in (
        "evil.py",
        "/etc/passwd",
        "../x.json",
        "extra/../../x.json",
        "extra/a/b.json",
        "extra/Ü.json",
        "extra/",
    ):
        refused(tmp_path, pack(parts | {name: b"{}"}), "does not belong")
    for name in ("network.json", "weights.safetensors"):
        refused(tmp_path, pack({n: d for n, d in parts.items() if n != name}), f"has no {name}")
    refused(tmp_path, pack(parts | {"extra/more.json": b"{}"}, seal=False), "not those")
    refused(tmp_path, pack({f"extra/d{i}.json": b"1" for i in range(70)} | parts), "75 members")
    target = io.BytesIO(original)
    with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("network.json", parts["network.json"])
    refused(tmp_path, target.getvalue(), "two members")


def test_zip_bombs(tmp_path, original):
    parts = members(original)
    packed = pack(parts | {"extra/card.json": b" " * 10_000_000 + b"1"}, compression=zipfile.ZIP_DEFLATED)
    assert len(packed) < 100_000
    refused(tmp_path, packed, "compressed")
    # sizes in the list that the bytes do not have
    for at, size in ((20, 2**31), (24, 2**31), (24, 1)):
        data = bytearray(original)
        entry = data.index(b"PK\1\2")
        data[entry + at : entry + at + 4] = size.to_bytes(4, "little")
        refused(tmp_path, bytes(data), "compressed|truncated|read")
    both = bytearray(original)
    entry = both.index(b"PK\1\2")
    both[entry + 20 : entry + 28] = (2**32 - 2).to_bytes(4, "little") * 2
    refused(tmp_path, bytes(both), "truncated")
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for index in range(20_000):
            archive.writestr(zipfile.ZipInfo(f"extra/{index:012}.json"), b"")
    refused(tmp_path, many.getvalue(), "list of members|20000 members")


def test_limits(tmp_path, original):
    assert "Limits(weights=" in refused(tmp_path, original, "at most 100 are read", Limits(weights=100))
    refused(tmp_path, original, "at most 100 are read", Limits(documents=100))
    refused(tmp_path, original, "at most 500 are read", Limits(documents=500))
    refused(tmp_path, original, "at most 3 are read", Limits(values=3))
    refused(tmp_path, original, "at most 2 are read", Limits(members=2))
    refused(tmp_path, original, "more than 5 numbers", Limits(inputs=5))


def test_json_is_bounded(tmp_path, original):
    parts = members(original)
    for text, words in (
        (b"[" * 100_000 + b"]" * 100_000, "recursion|nested"),
        (b"[" * 70 + b"]" * 70, "nested deeper than 64"),
        (b"[" + b"1," * 2_100_000 + b"1]", "at most 2000000"),
        (b"1" * 10_000, "digits"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"NaN", "not JSON"),
        (b"[1,", "Expecting value"),
        (b'"\xff"', "decode|utf"),
        (b'"\\ud800"', "surrogates"),
        (b'{"\\ud800": 1}', "surrogates"),
        (b"", "Expecting value"),
    ):
        refused(tmp_path, pack(parts | {"extra/card.json": text}), f"(?i)extra/card.json is not the JSON.*({words})")


def test_weights_headers(tmp_path, original):
    name = "params/0/bias"
    for change, words in (
        (lambda h: {**h, name: {**h[name], "dtype": "F128"}}, "do not agree"),
        (lambda h: {**h, name: {**h[name], "dtype": ["F32"]}}, "do not agree"),
        (lambda h: {**h, name: {**h[name], "shape": [5]}}, "do not agree"),
        (lambda h: {**h, name: {**h[name], "shape": [2**47, 2**47, 2**47]}}, "do not agree"),
        (lambda h: {**h, name: {**h[name], "shape": [2**64]}}, "whole numbers"),
        (lambda h: {**h, name: {**h[name], "shape": [-4]}}, "whole numbers"),
        (lambda h: {**h, name: {**h[name], "shape": [4.0]}}, "whole numbers"),
        (lambda h: {**h, name: {**h[name], "shape": [True, 4]}}, "whole numbers"),
        (lambda h: {**h, name: {**h[name], "shape": [1] * 33}}, "whole numbers"),
        (lambda h: {**h, name: {**h[name], "shape": {"a": 4}}}, "whole numbers"),
        (lambda h: {**h, name: {**h[name], "data_offsets": [0, 16, 32]}}, "do not agree"),
        (lambda h: {**h, name: {**h[name], "data_offsets": [10**6, 10**6 + 16]}}, "do not follow"),
        (lambda h: {**h, name: {**h[name], "data_offsets": h["params/0/weight"]["data_offsets"]}}, "do not agree"),
        (lambda h: {**h, name: {**h[name], "data_offsets": [4, 20]}}, "do not follow"),
        (lambda h: {**h, name: {**h[name], "more": 1}}, "does not describe"),
        (lambda h: {**h, name: [1]}, "does not describe"),
        (lambda h: {**h, "other/x": h[name]}, "name of a variable"),
        (lambda h: {**h, "params/" + "x" * 2000: h[name]}, "name of a variable"),
        (lambda h: {k: v for k, v in h.items() if k != "stats/1/runs"}, "bytes of weights"),
        (lambda h: [h], "not a table"),
        (lambda h: b"{", "not the JSON"),
        (lambda h: b"[" * 100_000, "not the JSON"),
    ):
        refused(tmp_path, with_header(original, change), words)
    parts = members(original)
    for data in (b"", b"123", (2**63).to_bytes(8, "little"), (100).to_bytes(8, "little") + b"{}"):
        refused(tmp_path, pack(parts | {"weights.safetensors": data}), "longer than it may be")


def test_arrays_must_not_overlap(tmp_path):
    net = SampleShelf(((4,), (4,)))
    save_bundle(tmp_path / "a", Bundle(net, Variables({"p0": jnp.ones(4), "p1": jnp.zeros(4)}), (EXAMPLE,)))
    data = (tmp_path / "a").read_bytes()
    overlap = with_header(data, lambda h: {**h, "params/p1": h["params/p0"]})
    refused(tmp_path, overlap, "do not follow")


def test_flags_must_be_true_or_false(tmp_path):
    net = SampleShelf(((4,),))
    save_bundle(tmp_path / "a", Bundle(net, Variables({"p0": jnp.ones(4, jnp.int8)}), (EXAMPLE,)))
    data = (tmp_path / "a").read_bytes()
    refused(tmp_path, with_header(data, lambda h: {"params/p0": {**h["params/p0"], "dtype": "BOOL"}}), "flags")


def test_weights_must_fit_the_network(tmp_path, original):
    def rename(new):
        return with_header(original, lambda h: {(new if k == "params/0/bias" else k): v for k, v in h.items()})

    text = refused(tmp_path, rename("params/0/bios"), "'params/0/bias', which is not stored")
    assert "Did you mean 'params/0/bios'?" in text
    refused(tmp_path, pack(_network_with(original, units=5)), r"\(3, 4\).*need \(3, 5\)")
    refused(tmp_path, pack(_network_with(original, units=2**31 - 1)), r"need \(3, 2147483647\)")
    refused(tmp_path, pack(_network_with(original, units=10**12)), "A setting of its network is 1000000000000")
    refused(tmp_path, pack(_network_with(original, units=-1)), "units|shape|negative")
    copies = edited(original, "network.json", lambda d: _stack(d, 2))
    refused(tmp_path, copies, r"'params/2/copies/0/weight' is stored with shape \(3, 4, 4\).*\(2, 4, 4\)")
    refused(tmp_path, edited(original, "network.json", lambda d: _stack(d, 2**31 - 1)), "is stored with shape")


def _network_with(original, units):
    parts = members(original)
    document = json.loads(parts["network.json"])
    document["network"]["settings"]["bricks"][0]["settings"]["units"] = units
    return parts | {"network.json": json.dumps(document).encode()}


def _stack(document, n):
    document["network"]["settings"]["bricks"][2]["settings"]["n"] = n
    return document


def test_an_unexpected_variable_is_named(tmp_path, original):
    parts = members(original)
    document = json.loads(parts["network.json"])
    del document["network"]["settings"]["bricks"][2]
    refused(
        tmp_path,
        pack(parts | {"network.json": json.dumps(document).encode()}),
        r"'params/2/copies/0/(bias|weight)', which its network does not have",
    )


def test_only_registered_bricks_are_built(tmp_path, original):
    def key(name):
        return edited(original, "network.json", lambda d: d["network"].update(spec=name))

    refused(tmp_path, key("somelib:Dense@1"), "Import somelib first")
    refused(tmp_path, key("core_samples:SampleChain@7"), "Update core_samples")
    refused(tmp_path, key("brickwork:Precision@1"), "cannot be built|not a network")
    refused(tmp_path, key("os:system@1"), "not registered")
    refused(tmp_path, key("../../evil"), "not the name of a spec")
    refused(tmp_path, key(["a"]), "not the name of a spec")
    refused(tmp_path, edited(original, "network.json", lambda d: {**d, "network": 7}), "describes a value")
    refused(tmp_path, edited(original, "network.json", lambda d: [1]), "does not describe a network")
    refused(
        tmp_path, edited(original, "network.json", lambda d: d["network"]["settings"].update(more=1)), "has no setting"
    )


def test_inputs_are_bounded(tmp_path, original):
    for inputs, words in (
        ([{"shape": [2, 2**30], "dtype": "float32"}], "more than"),
        ([{"shape": [0, 2**30], "dtype": "float32"}], "more than"),
        ([{"shape": [2, 3], "dtype": "O"}], "not described"),
        ([{"shape": [2, "3"], "dtype": "float32"}], "whole numbers"),
        ([{"tuple": {}}], "not described"),
        ([{"class": "os.system"}], "not described"),
        ([None], "not described"),
        ({"a": 1}, "not a list"),
        ([{"shape": [2, 7], "dtype": "float32"}], r"need \(7, 4\)"),
        ([{"shape": [], "dtype": "float32"}], "cannot be read"),
        ([], "cannot be read"),
        ([{"padded": [{"shape": [2], "dtype": "float32"}, {"shape": [9], "dtype": "int32"}]}], "cannot be read"),
    ):
        refused(tmp_path, edited(original, "network.json", lambda d, i=inputs: {**d, "inputs": i}), words)


def test_networks_that_would_be_traced_for_ever(tmp_path):
    net = SampleLinear(3)
    path, deep = "weight", net
    for _ in range(40):  # 2 ** 40 uses of one weight
        path, deep = f"inner/{path}", SampleTwice(deep)
    variables = {path: jnp.ones((3, 3)), path.replace("weight", "bias"): jnp.ones(3)}
    started = time.monotonic()
    with pytest.raises(ShapeError, match="more than 10000 times"):
        save_bundle(tmp_path / "a", Bundle(deep, Variables(variables), (EXAMPLE,)))
    assert time.monotonic() - started < 20


def test_exceptions_of_a_brick_are_bundle_errors(tmp_path, original):
    @brick
    class SampleBroken(Brick):
        how: str

        def __call__(self, scope, x):
            raise {"zero": ZeroDivisionError, "memory": MemoryError, "deep": RecursionError, "os": OSError}[self.how](
                "why"
            )

    for how in ("zero", "memory", "deep", "os", "missing"):
        network = {"spec": SampleBroken.key, "settings": {"how": how}}
        refused(tmp_path, edited(original, "network.json", lambda d, n=network: {**d, "network": n}), "why|missing")


def test_refusing_takes_no_memory(tmp_path, original):
    cases = [
        pack(_network_with(original, units=2**31 - 1)),
        edited(original, "network.json", lambda d: _stack(d, 2**31 - 1)),
        with_header(original, lambda h: {**h, "params/0/bias": {**h["params/0/bias"], "shape": [2**40]}}),
    ]
    tracemalloc.start()
    try:
        for data in cases:
            refused(tmp_path, data, "cannot be read")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


# -------------------------------------------------------------------------------------------------------- fuzz

FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.large_base_example],
)


def loads_equal_or_is_refused(path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        loaded = load_bundle(path)
    except BundleError:
        return
    assert loaded.spec == NET
    assert same(loaded.variables, model().variables)
    assert loaded.extra == EXTRA
    assert loaded.inputs == (EXAMPLE,)


@FUZZ
@given(st.binary(max_size=400), st.booleans())
def test_fuzz_random_bytes(tmp_path, original, data, start_like_a_zip):
    loads_equal_or_is_refused(tmp_path / "f", (b"PK\3\4" + data + original[-22:]) if start_like_a_zip else data)


@FUZZ
@given(st.data())
def test_fuzz_flipped_bytes(tmp_path, original, data):
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    loads_equal_or_is_refused(tmp_path / "f", bytes(changed))


@FUZZ
@given(st.data())
def test_fuzz_cut_and_spliced(tmp_path, original, data):
    ends = st.integers(0, len(original))
    pieces = [sorted((data.draw(ends), data.draw(ends))) for _ in range(data.draw(st.integers(1, 3)))]
    loads_equal_or_is_refused(tmp_path / "f", b"".join(original[a:b] for a, b in pieces))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def somewhere(value, choose, new):
    """Put `new` at a random place of a JSON value."""
    if isinstance(value, dict) and value and choose(0, 3):
        name = sorted(value)[choose(0, len(value) - 1)]
        if not choose(0, 5):
            return {n: v for n, v in value.items() if n != name}
        return {**value, name: somewhere(value[name], choose, new)}
    if isinstance(value, list) and value and choose(0, 3):
        at = choose(0, len(value) - 1)
        return [*value[:at], somewhere(value[at], choose, new), *value[at + 1 :]]
    return new


@FUZZ
@given(st.data(), st.sampled_from(["network.json", "brickwork.json", "header"]), JSON)
def test_fuzz_sealed_edits(tmp_path, original, data, member, new):
    """Whoever knows the format can change anything and seal it again: that gives another model, or `BundleError`."""

    def choose(low, high):
        return data.draw(st.integers(low, high))

    if member == "header":
        changed = with_header(original, lambda h: json.dumps(somewhere(h, choose, new)).encode())
    else:
        parts = members(original)
        parts[member] = json.dumps(somewhere(json.loads(parts[member]), choose, new)).encode()
        changed = pack(parts, seal=member != "brickwork.json")
    path = tmp_path / "f"
    path.write_bytes(changed)
    try:
        loaded = load_bundle(path)
    except BundleError:
        return
    assert isinstance(loaded.spec, Brick)
    assert all(loaded.variables.params[p].size < 1000 for p in loaded.variables.params)
