import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickwork.core.errors import ShapeError
from brickwork.ops import additive_weights, dot_product_attention, weighted_values
from ops.twins import check_golden, plain


def arrays(seed, *shapes, dtype="float32"):
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.normal(size=shape), dtype) for shape in shapes]


def by_hand(q, k, v, mask, scale):
    """Return the same in NumPy, one query at a time; `mask` is full size."""
    batch, queries, heads, _ = q.shape
    y = np.zeros((batch, queries, heads, v.shape[-1]))
    for b, i, h in np.ndindex(batch, queries, heads):
        shared = h // (heads // k.shape[2])
        seen = np.flatnonzero(mask[b, h, i])
        if len(seen):
            powers = np.exp(k[b, seen, shared] @ q[b, i, h] * scale)
            y[b, i, h] = powers / powers.sum() @ v[b, seen, shared]
    return y


@pytest.mark.parametrize("float64", [False, True])
def test_agrees_with_torch(float64):
    check_golden("attention/plain", dot_product_attention, float64)
    check_golden("attention/causal", lambda q, k, v: dot_product_attention(q, k, v, causal=True, scale=0.7), float64)
    check_golden("attention/grouped", lambda q, k, v, bias: dot_product_attention(q, k, v, bias=bias), float64)


@settings(max_examples=8, deadline=None)
@given(
    st.integers(0, 2),
    st.integers(0, 3),
    st.integers(0, 4),
    st.integers(1, 2),
    st.integers(1, 2),
    st.booleans(),
    st.sampled_from([None, 1, 2]),
)
def test_agrees_with_numpy_with_masks(batch, queries, keys, key_heads, shared, causal, window):
    heads, offset = key_heads * shared, 1
    q, k, v = arrays(0, (batch, queries, heads, 3), (batch, keys, key_heads, 3), (batch, keys, key_heads, 2))
    mask = np.random.default_rng(1).random((batch, heads, queries, keys)) < 0.5
    y = dot_product_attention(q, k, v, mask=jnp.asarray(mask), causal=causal, window=window, query_offset=offset)
    ago = np.arange(queries)[:, None] + offset - np.arange(keys)
    if causal:
        mask = mask & (ago >= 0)
    if window is not None:
        mask = mask & (np.abs(ago) < window)
    expected = by_hand(*(np.asarray(a, "float64") for a in (q, k, v)), mask, 3**-0.5)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_a_query_that_sees_nothing_gives_nought_and_no_gradient():
    q, k, v = arrays(0, (1, 2, 1, 3), (1, 3, 1, 3), (1, 3, 1, 3))
    mask = jnp.array([[True, False, True], [False, False, False]])[None, None]
    for hidden in ({"mask": mask}, {"bias": jnp.where(mask, 0.0, -jnp.inf)}):
        y, pull = jax.vjp(jax.jit(lambda q, k, v, hidden=hidden: dot_product_attention(q, k, v, **hidden)), q, k, v)
        np.testing.assert_array_equal(y[0, 1], 0)
        gradients = pull(jnp.ones_like(y))
        assert all(jnp.all(jnp.isfinite(g)) for g in gradients)
        np.testing.assert_array_equal(gradients[0][0, 1], 0)
        np.testing.assert_array_equal(gradients[2][0, 1], 0)
    second = jax.jit(jax.hessian(lambda q: jnp.sum(jnp.square(dot_product_attention(q, k, v, mask=mask)))))(q)
    assert jnp.all(jnp.isfinite(second))


@pytest.mark.slow
def test_decoding_step_by_step_is_the_whole_at_once():
    q, k, v = arrays(0, (2, 5, 4, 3), (2, 5, 2, 3), (2, 5, 2, 3))
    whole = dot_product_attention(q, k, v, causal=True)
    step = jax.jit(lambda q, t: dot_product_attention(q, k, v, causal=True, query_offset=t))
    for t in range(5):  # the cache is full size; what lies ahead is hidden by the offset
        np.testing.assert_allclose(step(q[:, t : t + 1], jnp.int32(t)), whole[:, t : t + 1], rtol=1e-5, atol=1e-6)
    rows = dot_product_attention(q[:, 2:3], k, v, causal=True, query_offset=jnp.array([2, 0]))
    np.testing.assert_allclose(rows[0], whole[0, 2:3], rtol=1e-5)
    np.testing.assert_allclose(rows[1, 0], jnp.repeat(v[1, 0], 2, axis=0), rtol=1e-5)


def test_weights_are_shares_that_make_the_result():
    q, k, v = arrays(0, (2, 3, 4, 3), (2, 5, 2, 3), (2, 5, 2, 6))
    y, weights = dot_product_attention(q, k, v, return_weights=True)
    assert weights.shape == (2, 4, 3, 5)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    made = jnp.einsum("bhqk,bkhd->bqhd", weights, jnp.repeat(v, 2, axis=2))
    np.testing.assert_allclose(y, made, rtol=1e-5, atol=1e-6)


def test_large_scores_are_safe_and_types_stay():
    for dtype in (jnp.bfloat16, jnp.float16, jnp.float32):
        q, k, v = arrays(0, (1, 3, 2, 4), (1, 3, 2, 4), (1, 3, 2, 4), dtype=dtype)
        with jax.numpy_dtype_promotion("strict"):
            y, weights = dot_product_attention(
                q * 1000, k, v, causal=True, bias=jnp.ones((1, 1, 3, 3), dtype), return_weights=True
            )
        assert y.dtype == weights.dtype == dtype
        assert jnp.all(jnp.isfinite(y))


def test_additive_weights_are_shares_of_what_may_be_seen_also_in_small_types():
    q, k, direction = arrays(0, (2, 3, 4), (2, 5, 4), (4,), dtype="bfloat16")
    mask = jnp.ones((2, 1, 5), bool).at[0, 0, 2:].set(False).at[1].set(False)

    @jax.jit
    def both(q):
        steep = jax.grad(lambda q: jnp.sum(additive_weights(q, k, 1000 * direction, mask=mask)[..., 1]))
        return additive_weights(q, k, direction, mask=mask), steep(q)

    with jax.numpy_dtype_promotion("strict"):
        weights, slope = both(q)
    assert weights.dtype == jnp.bfloat16
    assert jnp.all(jnp.isfinite(slope))
    np.testing.assert_array_equal(np.asarray(weights[:, 0] > 0), [[True, True, False, False, False], [False] * 5])
    np.testing.assert_allclose(np.asarray(weights, "float32").sum(-1), [[1] * 3, [0] * 3], atol=1e-2)


def test_values_mixed_by_given_weights():
    weights, v = arrays(0, (2, 4, 3, 5), (2, 5, 2, 6))
    y = weighted_values(weights, v)
    for b, i, h in np.ndindex(2, 3, 4):
        np.testing.assert_allclose(y[b, i, h], weights[b, h, i] @ v[b, :, h // 2], rtol=1e-5, atol=1e-6)
    for wrong in (v[:1], v[:, :4], v[0], jnp.ones((2, 5, 3, 6))):
        with pytest.raises(ShapeError, match="heads a multiple of key_heads; got weights"):
            plain(weighted_values)(weights, wrong)


@pytest.mark.slow
def test_vmap_and_a_loop_agree():
    q, k, v = arrays(0, (3, 1, 2, 2, 4), (3, 1, 4, 1, 4), (3, 1, 4, 1, 4))
    mapped = jax.vmap(lambda q, k, v: dot_product_attention(q, k, v, causal=True, query_offset=2))(q, k, v)
    looped = jax.lax.map(lambda a: dot_product_attention(*a, causal=True, query_offset=2), (q, k, v))
    np.testing.assert_allclose(mapped, looped, rtol=1e-5, atol=1e-6)


def test_misfits_are_explained():
    q, k, v = arrays(0, (2, 3, 4, 3), (2, 5, 2, 3), (2, 5, 2, 6))
    attend = plain(dot_product_attention)
    with pytest.raises(ShapeError, match=r"q must be \(batch, time, heads, size\)"):
        attend(q[0], k, v)
    with pytest.raises(ShapeError, match="one batch size"):
        attend(q, k[:, :2], v)
    with pytest.raises(ShapeError, match="cannot share 2 key heads"):
        attend(q[:, :, :3], k, v)
    with pytest.raises(ShapeError, match=r"mask\[:, None, None, :\]"):
        attend(q, k, v, mask=jnp.ones((2, 5), bool))
    with pytest.raises(ShapeError, match="bias must have"):
        attend(q, k, v, bias=jnp.ones((2, 4, 3, 4)))
    with pytest.raises(ShapeError, match=r"additive_weights: q must be \(batch, queries, units\)"):
        plain(additive_weights)(q[:, :, 0], k[:, :, 0], jnp.ones(2))
    with pytest.raises(ShapeError, match="query_offset"):
        attend(q, k, v, causal=True, query_offset=jnp.zeros(3, jnp.int32))
