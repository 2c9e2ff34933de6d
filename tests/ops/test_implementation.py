import threading

import jax
import jax.numpy as jnp
import pytest

from brickwork.core.errors import SettingError
from brickwork.ops import choose, conv, current_implementation, implementation

TABLE = {"xla": lambda x: x + 1, "slices": lambda x: x + 2}


def test_the_platform_chooses_and_the_block_overrides():
    on_cpu = jax.default_backend() == "cpu"
    assert choose(TABLE, jnp.float32(0)) == (2 if on_cpu else 1)
    with implementation("xla"):
        assert choose(TABLE, jnp.float32(0)) == 1
        with implementation("slices"):
            assert choose(TABLE, jnp.float32(0)) == 2
            assert choose({"xla": TABLE["xla"]}, jnp.float32(0)) == 1
        assert current_implementation() == "xla"
    assert current_implementation() == "auto"


def test_a_compiled_function_follows_the_block():
    compiled = jax.jit(lambda x: choose(TABLE, x))
    found = []
    for name in ("xla", "slices", "xla"):
        with implementation(name):
            found.append(int(compiled(jnp.int32(0))))
    assert found == [1, 2, 1]


def test_other_threads_are_not_affected():
    seen = []
    with implementation("slices"):
        thread = threading.Thread(target=lambda: seen.append(current_implementation()))
        thread.start()
        thread.join()
    assert seen == ["auto"]


def test_an_error_in_the_block_ends_the_choice():
    with pytest.raises(ZeroDivisionError), implementation("xla"):
        raise ZeroDivisionError
    assert current_implementation() == "auto"


def test_a_static_choice_leaves_no_branches_for_export():
    x, kernel = jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1))
    assert "platform_index" in str(jax.make_jaxpr(conv)(x, kernel))
    with implementation("xla"):
        text = str(jax.make_jaxpr(conv)(x, kernel))
    assert "platform_index" not in text
    assert "conv_general_dilated" in text


def test_lowering_for_another_platform_takes_its_own():
    x, kernel = jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1))
    traced = jax.jit(jax.grad(lambda k: jnp.sum(jnp.square(conv(x, k))))).trace(kernel)
    assert "stablehlo.convolution" in traced.lower(lowering_platforms=("tpu",)).as_text()
    assert "stablehlo.convolution" not in traced.lower(lowering_platforms=("cpu",)).as_text()


def test_a_mistyped_name_is_explained():
    with pytest.raises(SettingError, match="Did you mean 'slices'"), implementation("slice"):
        pass
