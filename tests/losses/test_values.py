"""What losses compute: against PyTorch's stored answers, the papers' equations, and numbers worked by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bricks.contract import compiled
from brickwork.core.batch import Padded
from brickwork.losses import (
    CTC,
    BinaryCrossEntropy,
    BinaryDice,
    BinaryFocal,
    BinaryJaccard,
    BinaryTversky,
    Contrastive,
    CrossEntropy,
    Dice,
    Focal,
    GaussianNLL,
    Hinge,
    Huber,
    InfoNCE,
    Jaccard,
    LogCosh,
    MeanAbsoluteError,
    MeanSquaredError,
    MulticlassHinge,
    NTXent,
    Poisson,
    Poly1,
    Quantile,
    SquaredHinge,
    Triplet,
    Tversky,
    example_loss,
    resolve_loss,
    weighted_mean,
)
from losses.cases import golden, gradient


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"):
        yield


def logit(p):
    p = np.asarray(p, np.float64)
    return jnp.asarray(np.log(p / (1 - p)), jnp.float32)


# --------------------------------------------------------------------------------------------------------- PyTorch

WEIGHTS = (0.5, 2.0, 1.0, 3.0)
GOLDEN = {
    "cross_entropy/plain": CrossEntropy(),
    "cross_entropy/smoothed": CrossEntropy(0.2),
    "cross_entropy/weights": CrossEntropy(class_weights=WEIGHTS),
    "cross_entropy/smoothed_weights": CrossEntropy(0.2, WEIGHTS),
    "cross_entropy/shares_weights": CrossEntropy(0.2, WEIGHTS),
    "kl_divergence/shares": resolve_loss("kl_divergence"),
    "multiclass_hinge/weston_watkins": MulticlassHinge("weston_watkins"),
    "binary_cross_entropy/plain": BinaryCrossEntropy(),
    "binary_cross_entropy/positive_weight": BinaryCrossEntropy(positive_weight=(0.5, 2.0, 3.0)),
    "hinge/plain": Hinge(),
    "mean_squared_error/plain": MeanSquaredError(),
    "mean_absolute_error/plain": MeanAbsoluteError(),
    "huber/delta": Huber(0.75),
    "poisson/plain": Poisson(),
    "gaussian_nll/plain": GaussianNLL(),
    "cosine_distance/plain": resolve_loss("cosine_distance"),
    "contrastive/hinge": Contrastive(1.5),
    "triplet/unit": Triplet(0.6),
    "info_nce/symmetric": InfoNCE(0.5),
    "nt_xent/plain": NTXent(0.5),
    "ctc/padded": CTC(),
}


CONTAINED = ("cross_entropy/plain", "cross_entropy/smoothed", "cross_entropy/weights", "binary_cross_entropy/plain")
"""Cases that others contain, with more settings: they run with the slow tests."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in CONTAINED else []) for name in GOLDEN]
)
def test_pytorch(name):
    with jax.enable_x64(True):
        outputs, targets, expected, slope, direction = golden(name, jnp.float64)

        @compiled
        def both(outputs):
            def rows(z):
                return example_loss(GOLDEN[name], z, targets)

            return rows(outputs), gradient(lambda z: rows(z) * direction, outputs)

        values, found = both(outputs)
        # optax stands in for the logarithm of 0 by -1e5, whose digits reach the result
        limits = {"rtol": 1e-8, "atol": 1e-9} if name.startswith("ctc") else {"rtol": 1e-10, "atol": 1e-11}
        np.testing.assert_allclose(values, expected, **limits)
        np.testing.assert_allclose(found, slope, **limits)


# ------------------------------------------------------------------------------------------- equations of the papers


def focal(z, y, gamma, weights):
    """Lin et al. 2017, equation 5."""
    losses = []
    for scores, label in zip(z, y, strict=True):
        p = np.exp(scores[label]) / np.sum(np.exp(scores))
        losses.append(-weights[label] * (1 - p) ** gamma * np.log(p))
    return np.array(losses)


def binary_focal(z, t, gamma, alpha):
    """Lin et al. 2017, equations 2 to 5."""
    losses = np.zeros_like(z)
    for place, score in np.ndenumerate(z):
        p = 1 / (1 + np.exp(-score))
        p_t, alpha_t = (p, alpha) if t[place] == 1 else (1 - p, 1 - alpha)
        losses[place] = -alpha_t * (1 - p_t) ** gamma * np.log(p_t)
    return losses.mean(axis=-1)


def crammer_singer(z, y):
    """Crammer & Singer 2001: the largest score with a margin on wrong ones, less the right one's."""
    return np.array(
        [max(s + (k != label) for k, s in enumerate(row)) - row[label] for row, label in zip(z, y, strict=True)]
    )


def tversky(p, t, alpha, beta, smooth):
    """Salehi et al. 2017, section 2, with a smoothing; p and t are (rows, positions, regions)."""
    losses = np.zeros(len(p))
    for row in range(len(p)):
        for k in range(p.shape[-1]):
            both = sum(a * b for a, b in zip(p[row, :, k], t[row, :, k], strict=True))
            only_p = sum(a * (1 - b) for a, b in zip(p[row, :, k], t[row, :, k], strict=True))
            only_t = sum((1 - a) * b for a, b in zip(p[row, :, k], t[row, :, k], strict=True))
            losses[row] += 1 - (both + smooth) / (both + alpha * only_p + beta * only_t + smooth)
    return losses / p.shape[-1]


def pinball(o, t, quantiles):
    """Koenker & Bassett 1978: q |r| where the target is above, (1 - q) |r| below."""
    losses = []
    for row, target in zip(o, t, strict=True):
        each = [abs(target - v) * (q if target > v else 1 - q) for v, q in zip(row, quantiles, strict=True)]
        losses.append(np.mean(each))
    return np.array(losses)


def test_values_from_the_equations():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    flags = rng.integers(0, 2, (6, 4))
    s = 1 / (1 + np.exp(-z))
    numbers = z + rng.normal(size=(6, 4)) * 2
    r = z - numbers
    own = p[np.arange(6), y]
    pictures, labels = rng.normal(size=(2, 6, 3)), rng.integers(0, 3, (2, 6))
    shares, truth = np.exp(pictures) / np.exp(pictures).sum(-1, keepdims=True), np.eye(3)[labels]
    yes, many = 1 / (1 + np.exp(-pictures)), rng.integers(0, 2, (2, 6, 3))
    pairs, same = rng.normal(size=(6, 2, 3)), rng.integers(0, 2, 6)
    d = np.sqrt(((pairs[:, 0] - pairs[:, 1]) ** 2).sum(-1))
    triplets = rng.normal(size=(6, 3, 2))
    near = ((triplets[:, 0] - triplets[:, 1]) ** 2).sum(-1)
    far = ((triplets[:, 0] - triplets[:, 2]) ** 2).sum(-1)
    cases = [
        (CrossEntropy(), z, np.eye(4)[y], -np.log(own)),
        (CrossEntropy(0.2), z, np.eye(4)[y], -((0.8 * np.eye(4)[y] + 0.05) * np.log(p)).sum(1)),
        (Focal(2.0), z, y, focal(z, y, 2.0, np.ones(4))),
        (Focal(0.5, WEIGHTS), z, y, focal(z, y, 0.5, WEIGHTS)),
        (Focal(0.0), z, y, -np.log(own)),
        (Poly1(2.0), z, y, -np.log(own) + 2 * (1 - own)),
        (Poly1(-1.0), z, np.eye(4)[y], -np.log(own) - (1 - own)),
        (MulticlassHinge(), z, y, crammer_singer(z, y)),
        (BinaryCrossEntropy(), z, flags > 0, -(flags * np.log(s) + (1 - flags) * np.log(1 - s)).mean(1)),
        (
            BinaryCrossEntropy(0.2, 3.0), z, flags,
            -(3 * (0.8 * flags + 0.1) * np.log(s) + (0.9 - 0.8 * flags) * np.log(1 - s)).mean(1),
        ),
        (BinaryFocal(2.0, 0.25), z, flags, binary_focal(z, flags, 2.0, 0.25)),
        (BinaryFocal(0.7, None), z, flags, 2 * binary_focal(z, flags, 0.7, 0.5)),
        (SquaredHinge(), z, flags, (np.maximum(0, 1 - (2 * flags - 1) * z) ** 2).mean(1)),
        (Dice(), pictures, labels, tversky(shares, truth, 0.5, 0.5, 1.0)),
        (Dice(0.1), pictures, truth, tversky(shares, truth, 0.5, 0.5, 0.1)),
        (Jaccard(), pictures, labels, tversky(shares, truth, 1, 1, 1.0)),
        (Tversky(0.2, 0.9, 2.0), pictures, labels, tversky(shares, truth, 0.2, 0.9, 2.0)),
        (BinaryDice(), pictures, many, tversky(yes, many, 0.5, 0.5, 1.0)),
        (BinaryJaccard(), pictures, many, tversky(yes, many, 1, 1, 1.0)),
        (BinaryTversky(0.2, 0.9, 2.0), pictures, many, tversky(yes, many, 0.2, 0.9, 2.0)),
        (LogCosh(), z, numbers, np.log(np.cosh(r)).mean(1)),
        (Quantile((0.1, 0.4, 0.5, 0.9)), z, numbers[:, 0], pinball(z, numbers[:, 0], (0.1, 0.4, 0.5, 0.9))),
        (Contrastive(2.0), pairs, same, same * d**2 / 2 + (1 - same) * np.maximum(0, 2.0 - d) ** 2 / 2),
        (Triplet(0.5, unit_length=False), triplets, None, np.maximum(0, near - far + 0.5)),
    ]  # fmt: skip
    assert len(set(np.sign(d - 2.0))) == len(set(np.sign(near - far + 0.5))) == 2
    with jax.enable_x64(True):
        given = [jax.tree.map(jnp.asarray, (outputs, targets)) for _, outputs, targets, _ in cases]
        found = compiled(lambda given: [case[0](*pair) for case, pair in zip(cases, given, strict=True)])(given)
    for (loss, _, _, expected), values in zip(cases, found, strict=True):
        np.testing.assert_allclose(values, expected, rtol=1e-11, err_msg=repr(loss))


def paths(steps, labels):
    """Yield every path, labels for each step, that means a text: repetitions, then blanks (0) are dropped."""
    for path in np.ndindex(*(3,) * steps):
        once = [a for i, a in enumerate(path) if i == 0 or a != path[i - 1]]
        if [a for a in once if a] == list(labels):
            yield list(path)


def test_ctc_adds_up_every_path():
    """Graves et al. 2006, equation 3."""
    texts = [(1,), (1, 2), (2, 2), ()]
    z = np.random.default_rng(4).normal(size=(len(texts), 4, 3))
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    shares = [sum(np.prod(p[row, np.arange(4), path]) for path in paths(4, text)) for row, text in enumerate(texts)]
    with jax.enable_x64(True):
        labels = jnp.asarray([[*text, 0, 0][:2] for text in texts])
        found = compiled(CTC())(jnp.asarray(z), Padded(labels, jnp.asarray([len(text) for text in texts])))
    np.testing.assert_allclose(found, -np.log(shares), rtol=1e-9)


# -------------------------------------------------------------------------------------------------- worked numbers


def test_flight_delays():
    values = BinaryCrossEntropy()(logit([0.05, 0.02, 0.96, 0.35]), jnp.asarray([1, 0, 1, 1]))
    assert values.shape == (4,)
    assert weighted_mean(values) == pytest.approx(1.0266, abs=5e-5)
    column = BinaryCrossEntropy()(logit([[0.05], [0.02], [0.96], [0.35]]), jnp.asarray([[1.0], [0.0], [1.0], [1.0]]))
    np.testing.assert_allclose(column, values)


def test_mean_squared_error_of_the_lecture():
    values = MeanSquaredError()(jnp.asarray([10.0, 45.0, 100.0, 15.0]), jnp.asarray([40, 42, 110, 55]))
    np.testing.assert_array_equal(values, [900, 9, 100, 1600])
    assert weighted_mean(values) == 652.25


def test_the_untrained_answer_to_will_i_pass():
    assert BinaryCrossEntropy()(logit([0.1]), jnp.asarray([1]))[0] == pytest.approx(2.3026, abs=5e-5)
    two = jnp.asarray([[0.0, float(logit(0.1))]])
    assert CrossEntropy()(two, jnp.asarray([1]))[0] == pytest.approx(2.3026, abs=5e-5)


def test_sure_and_wrong_costs_what_it_lacks():
    huge = jnp.asarray([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]])
    assert CrossEntropy()(huge[:1], jnp.asarray([1]))[0] == 2e4
    assert Focal()(huge[:1], jnp.asarray([1]))[0] == 2e4
    assert BinaryFocal(2.0, None)(huge[:1], jnp.asarray([[1, 1, 0]]))[0] == pytest.approx(1e4 / 3, rel=1e-4)


def test_slopes_at_zero_and_far_away():
    at, none = jnp.asarray([0.0, 2.0, -1e30]), jnp.zeros(3)

    @compiled
    def slopes(at):
        losses = MeanAbsoluteError(), Huber(0.5), LogCosh()
        return [jax.grad(lambda r, loss=loss: loss(r, none).sum())(at) for loss in losses]

    straight, limited, smooth = slopes(at)
    np.testing.assert_array_equal(straight, [0, 1, -1])
    np.testing.assert_array_equal(limited, [0, 0.5, -0.5])
    np.testing.assert_allclose(smooth, np.tanh([0, 2, -40]), rtol=1e-6)
    assert compiled(LogCosh())(jnp.asarray([1e-3]), jnp.zeros(1))[0] == pytest.approx(5e-7, rel=1e-6)
    apart = jnp.zeros((1, 2, 3))
    assert not np.any(compiled(jax.grad(lambda o: Contrastive()(o, jnp.asarray([1])).sum()))(apart))


def test_beyond_a_bound_the_gradient_still_points_back():
    slope = compiled(jax.grad(lambda z: Poisson()(z, jnp.asarray([3.0])).sum()))(jnp.asarray([500.0]))
    assert np.isfinite(slope[0])
    assert slope[0] > 1e30
    sure = compiled(jax.grad(lambda z: GaussianNLL()(z, jnp.asarray([[1.0]])).sum()))(jnp.asarray([[0.0, -50.0]]))
    assert np.all(np.isfinite(sure))
    assert sure[0, 1] < -1e5  # a larger variance would be better


# ----------------------------------------------------------------------------------------- probabilities and answers


def test_probabilities_and_answers():
    z = jnp.asarray([[0.0, np.log(3.0)], [2.0, -2.0]])
    for loss in (CrossEntropy(), Focal(), Poly1(), resolve_loss("kl"), Dice(), Jaccard(), Tversky()):
        np.testing.assert_allclose(loss.probabilities(z)[0], [0.25, 0.75], rtol=1e-6)
        np.testing.assert_array_equal(loss.answers(z), [1, 0])
    for loss in (BinaryCrossEntropy(), BinaryFocal(), BinaryDice(), BinaryJaccard(), BinaryTversky()):
        np.testing.assert_allclose(loss.probabilities(z)[0], [0.5, 0.75], rtol=1e-6)
        np.testing.assert_array_equal(loss.answers(z), [[0, 1], [1, 0]])
        np.testing.assert_array_equal(loss.answers(z[:, :1]), [0, 1])
    for loss in (Hinge(), SquaredHinge(), MulticlassHinge(), MeanSquaredError(), Contrastive(), Triplet()):
        assert loss.probabilities(z) is None
    np.testing.assert_array_equal(Hinge().answers(z[:, :1]), [0, 1])
    np.testing.assert_array_equal(MulticlassHinge().answers(z), [1, 0])
    np.testing.assert_array_equal(Huber().answers(z), z)
    assert MeanSquaredError().answers(z[:, :1]).shape == (2,)
    np.testing.assert_array_equal(Quantile((0.1, 0.9)).answers(z), z)
    np.testing.assert_allclose(Poisson().answers(z), np.exp(z), rtol=1e-6)
    np.testing.assert_array_equal(GaussianNLL().answers(z), z[:, 0])
    np.testing.assert_allclose(GaussianNLL().deviations(z), np.exp(z[:, 1] / 2), rtol=1e-6)
    assert GaussianNLL(floor=1e-4).deviations(jnp.asarray([[0.0, -99.0]]))[0] == pytest.approx(1e-2)
    pairs = jnp.asarray([[[0.0, 0.0], [0.3, 0.0]], [[0.0, 0.0], [0.6, 0.0]]])
    np.testing.assert_array_equal(Contrastive().answers(pairs), [1, 0])
    assert Triplet().answers(pairs) is pairs


def test_greedy_decoding():
    best = np.asarray([[1, 1, 0, 1, 2, 2], [0, 0, 3, 3, 0, 1], [2, 2, 2, 0, 0, 0]])
    z = jnp.asarray(np.eye(4)[best], jnp.float32)
    whole = compiled(CTC().answers)(z)
    assert [list(row) for row in whole] == [[1, 1, 2], [3, 1], [2]]
    short = compiled(CTC().answers)(Padded(z, jnp.asarray([4, 2, 6])))
    assert [list(row) for row in short] == [[1, 1], [], [2]]
    assert [list(row) for row in compiled(CTC(blank=2).answers)(z)] == [[1, 0, 1], [0, 3, 0, 1], [0]]
