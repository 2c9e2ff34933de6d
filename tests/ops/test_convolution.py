import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops import conv2d, implementation
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
        lambda x, kernel: conv2d(x, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups),
        float64,
    )


def test_the_oracle_names_its_version():
    assert str(stored()["torch_version"]).startswith("2.13")


@st.composite
def convolutions(draw):
    kernel, stride, dilation = (draw(st.tuples(*[st.integers(1, n)] * 2)) for n in (3, 3, 2))
    groups, per_group, per_filter = (draw(st.integers(1, 2)) for _ in range(3))
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    padding = draw(
        st.sampled_from(["same", "valid"]) | st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2)
    )
    size = tuple(draw(st.integers(max(r, 1), r + 4)) for r in reach)
    batch = draw(st.integers(0, 2))
    x = random(0, batch, *size, groups * per_group)
    k = random(1, *kernel, per_group, groups * per_filter)
    return x, k, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


@settings(max_examples=4, deadline=None)
@given(convolutions())
def test_twins_agree_to_second_order(case):
    x, kernel, geometry = case
    check_twins(lambda x, k: conv2d(x, k, **geometry), x, kernel)


@pytest.mark.parametrize("groups", [1, 2])
def test_twins_agree_under_vmap_over_kernels_and_in_a_loop(groups):
    x, kernels = random(0, 3, 5, 5, 4), random(1, 2, 3, 3, 4 // groups, 4) * 0.3

    def through_time(x, kernels):
        def body(x, kernel):
            return conv2d(x, kernel, groups=groups), jnp.sum(x)

        return jax.lax.scan(jax.checkpoint(body), x, kernels)[0]

    check_twins(through_time, x, kernels, second=groups == 1)
    check_twins(jax.vmap(lambda k, x: conv2d(x, k, groups=groups, stride=2), (0, None)), kernels, x, second=False)


def test_large_patches_are_never_laid_out(monkeypatch):
    monkeypatch.setattr("brickwork.ops.convolution.LARGEST_PATCHES", 10)
    check_twins(lambda x, k: conv2d(x, k, stride=2), random(0, 2, 6, 5, 3), random(1, 3, 2, 3, 4))


def test_the_full_hessian_is_symmetric_and_the_same_for_both():
    x, kernel = jnp.asarray(random(0, 1, 4, 4, 1), "float32"), jnp.asarray(random(1, 3, 3, 1, 1), "float32")
    found = {}
    for choice in ("xla", "slices", "auto"):
        with implementation(choice):
            found[choice] = jax.jit(jax.hessian(lambda k: jnp.sum(jnp.square(conv2d(x, k)))))(kernel).reshape(9, 9)
    same(found["slices"], found["xla"], rtol=1e-4, atol=1e-4)
    same(found["auto"], found["slices"], rtol=1e-6)
    same(found["auto"], found["auto"].T, rtol=1e-4, atol=1e-4)


def test_a_checkerboard_by_hand():
    x = jnp.arange(9.0).reshape(1, 3, 3, 1)
    kernel = jnp.array([[1.0, 0.0], [0.0, -1.0]]).reshape(2, 2, 1, 1)
    np.testing.assert_array_equal(conv2d(x, kernel, padding="valid")[0, :, :, 0], [[-4, -4], [-4, -4]])
    # "same" with an even kernel adds its row and column below and on the right
    np.testing.assert_array_equal(conv2d(x, kernel)[0, :, :, 0], [[-4, -4, 2], [-4, -4, 5], [6, 7, 8]])


def test_types_stay():
    for dtype in (jnp.bfloat16, jnp.float16, jnp.float32):
        with jax.numpy_dtype_promotion("strict"):
            assert conv2d(jnp.ones((1, 4, 4, 2), dtype), jnp.ones((3, 3, 2, 1), dtype)).dtype == dtype


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
        ((1, 4, 4, 2), (3, 3, 2, 1), {"stride": 0}, SettingError, "stride must be a whole number of at least 1"),
        ((1, 4, 4, 2), (3, 3, 2, 1), {"dilation": (1, 2, 3)}, SettingError, "dilation must be"),
        ((1, 4, 4, 2), (0, 3, 2, 1), {}, ShapeError, "kernel is empty"),
    ],
)
def test_misfits_are_explained(x, kernel, extra, error, words):
    with pytest.raises(error, match=words):
        plain(conv2d)(jnp.ones(x), jnp.ones(kernel), **extra)
