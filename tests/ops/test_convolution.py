import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops import conv, conv_transpose, implementation
from ops.twins import cases, check_golden, check_twins, plain, same, stored

GEOMETRY = {  # stride, ((top, bottom), (left, right)), dilation, groups; as in the script of the oracle
    "plain": ((1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "valid": ((1, 1), "valid", (1, 1), 1),
    "strided": ((2, 3), ((1, 1), (1, 1)), (1, 1), 1),
    "dilated": ((1, 2), ((2, 2), (1, 1)), (2, 3), 1),
    "grouped": ((2, 1), ((1, 1), (0, 0)), (1, 1), 2),
    "depthwise": ((1, 2), ((1, 1), (1, 1)), (1, 1), 3),
    "pointwise": (1, "same", 1, 1),
}


def random(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("float64", [False, True])
@pytest.mark.parametrize("name", cases("conv2d"))
def test_agrees_with_torch(name, float64):
    stride, padding, dilation, groups = GEOMETRY[name.split("/")[1]]
    check_golden(
        name,
        lambda x, kernel: conv(x, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups),
        float64,
    )


def test_the_oracle_names_its_version():
    assert str(stored()["torch_version"]).startswith("2.13")


@st.composite
def convolutions(draw):
    axes = draw(st.integers(1, 3))
    kernel, stride, dilation = (draw(st.tuples(*[st.integers(1, n)] * axes)) for n in (3, 3, 2))
    groups, per_group, per_filter = (draw(st.integers(1, 2)) for _ in range(3))
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    padding = draw(
        st.sampled_from(["same", "valid", *["causal"] * (axes == 1)])
        | st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * axes)
    )
    size = tuple(draw(st.integers(max(r, 1), r + (4 if axes < 3 else 2))) for r in reach)
    batch = draw(st.integers(0, 2))
    x = random(0, batch, *size, groups * per_group)
    k = random(1, *kernel, per_group, groups * per_filter)
    return x, k, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(convolutions())
def test_twins_agree_to_second_order(case):
    x, kernel, geometry = case
    check_twins(lambda x, k: conv(x, k, **geometry), x, kernel)


@pytest.mark.slow
@settings(max_examples=2, deadline=None)
@given(convolutions())
def test_twins_of_the_transpose_agree_to_second_order(case):
    x, kernel, geometry = case
    geometry["padding"] = "valid" if geometry["padding"] == "causal" else geometry["padding"]
    assume(geometry["padding"] in ("same", "valid") or min(x.shape[1:-1]) > 4)
    check_twins(lambda x, k: conv_transpose(x, k, **geometry), x, kernel)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("places", "padding", "extra"),
    [((4,), "same", 0), ((3, 4), "valid", (1, 2)), ((3, 4), ((1, 0), (2, 1)), 0), ((2, 3, 2), "same", 0)],
)
def test_the_transpose_is_that_of_the_convolution(places, padding, extra):
    """<conv(y), x> = <y, conv_transpose(x)> for all x and y, with the kernel's channels and filters swapped."""
    axes, groups = len(places), 2
    geometry = {"stride": (2, 3, 2)[:axes], "dilation": (2, 1, 1)[:axes], "groups": groups, "padding": padding}
    x, kernel = random(0, 2, *places, 4), random(1, *(3, 2, 2)[:axes], 2, 6)
    blocks = kernel.reshape(*kernel.shape[:-2], 2, groups, 3)
    turned = np.swapaxes(blocks, -1, -3).reshape(*kernel.shape[:-2], 3, 4)  # from 6 channels to 4 filters
    with jax.enable_x64(True):
        spread = conv_transpose(jnp.asarray(x), jnp.asarray(kernel), extra=extra, **geometry)
        y = jnp.asarray(random(2, *spread.shape))
        gathered = conv(y, jnp.asarray(turned), **geometry)
        assert gathered.shape == x.shape
        np.testing.assert_allclose(jnp.sum(gathered * x), jnp.sum(y * spread), rtol=1e-12)


@pytest.mark.parametrize("op", [conv, conv_transpose])
def test_large_kernels_are_no_loops(op):
    x, kernel = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((1, 9, 9, 1), (1000, 1000, 1, 1)))
    with implementation("slices"):
        assert len(str(jax.make_jaxpr(op)(x, kernel))) < 5000


@pytest.mark.slow
@pytest.mark.parametrize("groups", [1, 2])
def test_twins_agree_under_vmap_over_kernels_and_in_a_loop(groups):
    x, kernels = random(0, 3, 5, 5, 4), random(1, 2, 3, 3, 4 // groups, 4) * 0.3

    def through_time(x, kernels):
        def body(x, kernel):
            return conv(x, kernel, groups=groups), jnp.sum(x)

        return jax.lax.scan(jax.checkpoint(body), x, kernels)[0]

    check_twins(through_time, x, kernels, second=groups == 1)
    check_twins(jax.vmap(lambda k, x: conv(x, k, groups=groups, stride=2), (0, None)), kernels, x, second=False)


def test_large_patches_are_never_laid_out(monkeypatch):
    monkeypatch.setattr("brickwork.ops.convolution.LARGEST_PATCHES", 10)
    check_twins(lambda x, k: conv(x, k, stride=2), random(0, 2, 6, 5, 3), random(1, 3, 2, 3, 4))


def test_the_full_hessian_is_symmetric_and_the_same_for_both():
    x, kernel = jnp.asarray(random(0, 1, 4, 4, 1), "float32"), jnp.asarray(random(1, 3, 3, 1, 1), "float32")
    found = {}
    for choice in ("xla", "slices", "auto"):
        with implementation(choice):
            found[choice] = jax.jit(jax.hessian(lambda k: jnp.sum(jnp.square(conv(x, k)))))(kernel).reshape(9, 9)
    same(found["slices"], found["xla"], rtol=1e-4, atol=1e-4)
    same(found["auto"], found["slices"], rtol=1e-6)
    same(found["auto"], found["auto"].T, rtol=1e-4, atol=1e-4)


def test_a_checkerboard_by_hand():
    x = jnp.arange(9.0).reshape(1, 3, 3, 1)
    kernel = jnp.array([[1.0, 0.0], [0.0, -1.0]]).reshape(2, 2, 1, 1)
    np.testing.assert_array_equal(conv(x, kernel, padding="valid")[0, :, :, 0], [[-4, -4], [-4, -4]])
    # "same" with an even kernel adds its row and column below and on the right
    np.testing.assert_array_equal(conv(x, kernel)[0, :, :, 0], [[-4, -4, 2], [-4, -4, 5], [6, 7, 8]])


def test_types_stay():
    for dtype in (jnp.bfloat16, jnp.float16, jnp.float32):
        with jax.numpy_dtype_promotion("strict"):
            x, kernel = jnp.ones((1, 4, 4, 2), dtype), jnp.ones((3, 3, 2, 1), dtype)
            assert jax.eval_shape(conv, x, kernel).dtype == dtype
            assert jax.eval_shape(conv_transpose, x, kernel).dtype == dtype


@pytest.mark.parametrize(
    ("x", "kernel", "extra", "error", "words"),
    [
        ((4, 4, 2), (3, 3, 2, 1), {}, ShapeError, r"a batch axis: x\[None\]"),
        ((1, 4, 4, 2), (3, 3, 3, 1), {}, ShapeError, "with 2 channels in 1 group"),
        ((1, 4, 4, 3), (3, 3, 3, 2), {"groups": 2}, SettingError, "groups must divide the 3 channels"),
        ((1, 4, 4, 2), (5, 5, 2, 1), {"padding": "valid"}, ShapeError, "5x5 does not fit into a picture of 4x4"),
        ((1, 4, 4, 2), (3, 3, 2, 1), {"padding": "sane"}, SettingError, "Did you mean 'same'"),
        ((1, 4, 4, 2), (3, 3, 2, 1), {"padding": (1, 1)}, SettingError, "top, bottom"),
        ((1, 4, 4, 2), (3, 3, 2, 1), {"padding": ((1, -1), (0, 0))}, SettingError, "at least 0"),
        ((1, 4, 4, 2), (3, 3, 2, 1), {"padding": "causal"}, SettingError, "for sequences only"),
        ((1, 4, 2), (3, 2, 1), {"padding": ((1, 1), (1, 1))}, SettingError, r"\(\(before, after\),\)"),
        ((4, 2), (2, 1), {}, ShapeError, "needs sequences"),
        ((1, 4, 4, 2), (3, 3, 2, 1), {"stride": 0}, SettingError, "stride must be a whole number of at least 1"),
        ((1, 4, 4, 2), (3, 3, 2, 1), {"dilation": (1, 2, 3)}, SettingError, "dilation must be"),
        ((1, 4, 4, 2), (0, 3, 2, 1), {}, ShapeError, "kernel is empty"),
    ],
)
def test_misfits_are_explained(x, kernel, extra, error, words):
    with pytest.raises(error, match=words):
        plain(conv)(jnp.ones(x), jnp.ones(kernel), **extra)


def test_misfits_of_the_transpose_are_explained():
    x, kernel = jnp.ones((1, 2, 3, 1)), jnp.ones((3, 3, 1, 1))
    with pytest.raises(SettingError, match="extra must be less than the stride"):
        plain(conv_transpose)(x, kernel, stride=2, padding="valid", extra=2)
    with pytest.raises(SettingError, match="0 with padding 'same'"):
        plain(conv_transpose)(x, kernel, stride=2, extra=1)
    with pytest.raises(ShapeError, match="leaves nothing"):
        plain(conv_transpose)(x, kernel, padding=((2, 2), (0, 0)))
    with pytest.raises(SettingError, match="has no padding 'causal'"):
        plain(conv_transpose)(x[0], kernel[0], padding="causal")
