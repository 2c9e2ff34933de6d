"""Two learners that a naive engine cannot run: a GAN with a gradient penalty, and one that draws its own rows.

Both are written as a user would write them: a frozen dataclass of settings, pure functions, and everything that changes
in the state.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from jaxtyping import Float

from brickwork.bricks import Conv, Dense, Flatten, Sequential
from brickwork.core.batch import Batch
from brickwork.core.brick import Brick
from brickwork.core.variables import Arrays, Variables
from brickwork.data import Examples
from brickwork.optim import Adam
from brickwork.train import (
    EpochEnded,
    Learner,
    Logs,
    Progress,
    Recipe,
    Run,
    Update,
    all_finite,
    choose,
    engine,
    feed,
    mean_of,
)
from train.small import Log, same

# ----------------------------------------------- 3: a WGAN with gradient penalty, two optimizers, convolutions


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GanState:
    """Two networks' weights, their optimizers' states, and the number of the step."""

    critic: Arrays
    generator: Arrays
    critic_optimizer: Any
    generator_optimizer: Any
    step: Array
    steps: Array


OF_THE_PAPER = Update(Adam(1e-3, beta1=0.5, beta2=0.9))


@dataclass(frozen=True)
class WassersteinGan(Learner):
    """A generator learns to make pictures that a critic takes for real ones.

        critic:    minimise  mean f(fake) - mean f(real) + penalty * mean (|df/dx at a mix of both| - 1)^2
        generator: minimise  -mean f(G(noise)),  once in `critic_steps` steps

    Source: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", algorithm 1.
    """

    critic: Brick
    generator: Brick
    noise: int = 4
    penalty: float = 10.0
    critic_steps: int = 3
    critic_update: Update = OF_THE_PAPER
    generator_update: Update = OF_THE_PAPER

    def init(self, key: Array, batch: Batch | None, steps: int | Array) -> GanState:
        assert batch is not None
        of_critic, of_generator = jax.random.split(key)
        critic = self.critic.init(of_critic, batch.inputs).params
        generator = self.generator.init(of_generator, jnp.zeros((1, self.noise))).params
        return GanState(
            critic,
            generator,
            self.critic_update.init(critic),
            self.generator_update.init(generator),
            jnp.int32(0),
            jnp.asarray(steps, jnp.int32),
        )

    def step(self, state: GanState, batch: Batch | None, key: Array) -> tuple[GanState, Logs]:
        assert batch is not None
        of_noise, of_mix = jax.random.split(key)
        noise = jax.random.normal(of_noise, (batch.inputs.shape[0], self.noise))
        fake = self.generate(state.generator, noise)

        def critic_loss(critic: Arrays) -> Any:
            distance = mean(self.judge(critic, fake) - self.judge(critic, batch.inputs), batch.weight)
            penalty = mean(self.penalties(critic, batch.inputs, fake, of_mix), batch.weight)
            return distance + self.penalty * penalty, penalty

        def generator_loss(generator: Arrays) -> Array:
            return -mean(self.judge(state.critic, self.generate(generator, noise)), batch.weight)

        (loss, penalty), grads = jax.value_and_grad(critic_loss, has_aux=True)(state.critic)
        critic, critic_optimizer = self.critic_update.apply(
            state.critic, state.critic_optimizer, grads, state.step, state.steps
        )
        turn = (state.step + 1) % self.critic_steps == 0
        theirs = jax.grad(generator_loss)(state.generator)
        moved = self.generator_update.apply(state.generator, state.generator_optimizer, theirs, state.step, state.steps)
        generator, generator_optimizer = choose(turn, moved, (state.generator, state.generator_optimizer))
        new = GanState(critic, generator, critic_optimizer, generator_optimizer, state.step + 1, state.steps)
        finite = all_finite(loss, new.critic, new.generator)
        logs = {"critic": mean_of(loss), "penalty": mean_of(penalty), "generated": mean_of(jnp.mean(fake))}
        return choose(finite, new, state), Logs(logs, finite)

    def judge(self, critic: Arrays, pictures: Array) -> Float[Array, " rows"]:
        """Return how real pictures look."""
        return self.critic.apply(Variables(critic), pictures).output[:, 0]

    def generate(self, generator: Arrays, noise: Float[Array, "rows noise"]) -> Float[Array, "rows 8 8 1"]:
        """Return pictures made of noise."""
        return self.generator.apply(Variables(generator), noise).output.reshape(-1, 8, 8, 1)

    def penalties(self, critic: Arrays, real: Array, fake: Array, key: Array) -> Float[Array, " rows"]:
        """Return (|slope| - 1)^2 of the critic at a random mix of each real and fake picture."""
        share = jax.random.uniform(key, (real.shape[0], 1, 1, 1), real.dtype)
        mix = share * real + (1 - share) * fake
        slopes = jax.grad(lambda pictures: jnp.sum(self.judge(critic, pictures)))(mix)
        norm = jnp.sqrt(jnp.sum(slopes**2, axis=(1, 2, 3)) + 1e-12)
        return (norm - 1) ** 2


def mean(values: Float[Array, " rows"], weight: Float[Array, " rows"] | None) -> Float[Array, ""]:
    """Return the mean over real rows."""
    assert weight is not None
    return jnp.sum(values * weight) / jnp.maximum(jnp.sum(weight), 1)


CRITIC = Sequential(Conv(6, 3, stride=2, activation="leaky_relu"), Conv(8, 3, activation="tanh"), Flatten(), Dense(1))
GAN = WassersteinGan(CRITIC, Sequential(Dense(16, "relu"), Dense(64, "sigmoid")))


def crosses(rows: int = 96) -> Examples:
    """Return generated pictures: a bright row and a bright column on dark ground."""
    random = np.random.default_rng(0)
    pictures = 0.05 * random.random((rows, 8, 8, 1))
    for picture, (row, column) in zip(pictures, random.integers(2, 6, (rows, 2)), strict=True):
        picture[row] = picture[:, column] = 1.0
    return Examples(pictures.astype(np.float32))


def test_a_gan_with_gradient_penalty_trains():
    data = crosses()
    outcome = Run(GAN, Recipe(epochs=12, batch_size=16), data).go()
    losses = [record["train/critic"] for record in outcome.history]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    assert max(record["train/penalty"] for record in outcome.history) < 0.5  # slopes stay near 1
    assert int(outcome.last.step) == 72
    assert int(outcome.last.critic_optimizer[-1].count) == 72
    assert int(outcome.last.generator_optimizer[-1].count) == 24
    first = GAN.init(jax.random.fold_in(jax.random.key(0), engine.INIT_KEY), Batch(jnp.zeros((1, 8, 8, 1))), 72)
    moved = np.abs(np.asarray(outcome.last.generator["0_dense/weight"]) - first.generator["0_dense/weight"]).max()
    assert moved > 1e-3


def test_the_slope_of_the_penalty_against_finite_differences():
    with jax.enable_x64(True):
        random = np.random.default_rng(1)
        real, fake = (jnp.asarray(random.random((3, 8, 8, 1))) for _ in range(2))
        shapes = CRITIC.plan(jax.ShapeDtypeStruct((1, 8, 8, 1), jnp.float32)).shapes().params
        critic = {name: jnp.asarray(0.3 * random.normal(size=leaf.shape)) for name, leaf in shapes.items()}
        direction = {name: jnp.asarray(random.normal(size=leaf.shape)) for name, leaf in shapes.items()}
        precise = WassersteinGan(CRITIC, GAN.generator)

        def judge(critic: Arrays, pictures: Array) -> Array:
            return CRITIC.apply(Variables(critic), pictures, precision="float64").output[:, 0]

        object.__setattr__(precise, "judge", judge)  # the same in float64

        @jax.jit
        def along(distance: Array) -> Array:
            moved = jax.tree.map(lambda p, d: p + distance * d, critic, direction)
            return jnp.sum(precise.penalties(moved, real, fake, jax.random.key(0)))

        slope = float(jax.jit(jax.grad(along))(jnp.float64(0)))
        size = 1e-5
        difference = (float(along(jnp.float64(size))) - float(along(jnp.float64(-size)))) / (2 * size)
    assert slope == pytest.approx(difference, rel=1e-7)


# -------------------------------------------------------------------- 5: resampling by a learner's own weights


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Resampled:
    """Weights of a linear layer, and how often each row was seen."""

    weights: Arrays
    seen: Float[Array, " rows"]


@dataclass(frozen=True)
class Resampling(Learner):
    """Linear regression that draws rows in proportion to the square of their error: what is hard is seen more often.

    Inputs have two columns, of which the second is the row's own number; it is only there to count the rows drawn.
    """

    rate: float = 0.05
    smooth: float = 0.01

    def init(self, key: Array, batch: Batch | None, steps: int | Array) -> Resampled:
        return Resampled({"slope": jnp.zeros(()), "offset": jnp.zeros(())}, jnp.zeros(96))

    def sampling(self, state: Resampled, data: Batch) -> Float[Array, " rows"]:
        """Return the weights for the next epoch's draws."""
        return self.errors(state.weights, data) ** 2 + self.smooth

    def step(self, state: Resampled, batch: Batch | None, key: Array) -> tuple[Resampled, Logs]:
        assert batch is not None
        assert batch.weight is not None

        def loss(weights: Arrays) -> Array:
            return mean(self.errors(weights, batch) ** 2, batch.weight)

        value, grads = jax.value_and_grad(loss)(state.weights)
        weights = jax.tree.map(lambda p, g: p - self.rate * g, state.weights, grads)
        seen = state.seen.at[batch.inputs[:, 1].astype(jnp.int32)].add(batch.weight)
        return Resampled(weights, seen), Logs({"loss": mean_of(value)})

    def errors(self, weights: Arrays, batch: Batch) -> Float[Array, " rows"]:
        """Return how far off each row's answer is."""
        return weights["slope"] * batch.inputs[:, 0] + weights["offset"] - batch.targets


def mixed() -> Examples:
    """Return 88 rows of y = x and, every twelfth row, 8 rare ones of y = x + 4."""
    x = np.random.default_rng(3).uniform(-1, 1, 96).astype(np.float32)
    rare = np.arange(96) % 12 == 5
    return Examples(np.stack([x, np.arange(96)], 1).astype(np.float32), np.where(rare, x + 4, x).astype(np.float32))


MIXED = mixed()
RARE = np.arange(96) % 12 == 5
RECIPE = Recipe(epochs=8, batch_size=10)


def counts_by_epoch(run: Run, log: Log) -> list[np.ndarray]:
    """Return how often each row was drawn, epoch by epoch."""
    kept: list[np.ndarray] = [np.zeros(96)]

    def keep(event: Any) -> None:
        if isinstance(event, EpochEnded):
            kept.append(np.array(run.state.seen))

    run.listeners = [keep, log]
    run.go()
    return [after - before for before, after in pairwise(kept)]


def test_rows_are_drawn_by_the_learners_own_weights():
    run, log = Run(Resampling(), RECIPE, MIXED), Log()
    epochs = counts_by_epoch(run, log)
    assert [drawn.sum() for drawn in epochs] == [96.0] * 8  # an epoch has as many draws as rows
    # At the start all weights are 0: a row's share is its squared answer, so rare rows (about 16) take nearly all.
    expected = np.asarray(MIXED.targets) ** 2 + 0.01
    share = float(expected[RARE].sum() / expected.sum())
    drawn = epochs[0][RARE].sum() / 96
    assert drawn == pytest.approx(share, abs=3 * float(np.sqrt(share * (1 - share) / 96)))
    assert drawn > 5 * RARE.mean()
    # Later the offset is between the groups, and the common rows come back.
    assert epochs[-1][RARE].sum() < epochs[0][RARE].sum()
    assert log.of(Progress)[0].steps_per_epoch == 10


def test_uniform_weights_draw_all_groups_alike():
    flat = Resampling(rate=0.0, smooth=1e6)
    epochs = counts_by_epoch(Run(flat, RECIPE, MIXED), Log())
    assert sum(epochs)[RARE].sum() / (8 * 96) == pytest.approx(1 / 12, abs=0.03)
    assert len({drawn.tobytes() for drawn in epochs}) == 8


def test_draws_are_the_same_again_and_compile_once():
    from brickwork.train import compile_counts

    first = Run(Resampling(), RECIPE, MIXED).go().last
    before = dict(compile_counts)
    same(Run(Resampling(), RECIPE, MIXED).go().last, first)
    assert dict(compile_counts) == before
    other = Run(Resampling(), RECIPE.replace(seed=1), MIXED).go().last
    assert not np.array_equal(first.seen, other.seen)


@pytest.mark.parametrize("steps", [5, 38, 40])
def test_resuming_in_mid_epoch_draws_the_same_rows(tmp_path, monkeypatch, steps):
    whole = Run(Resampling(), RECIPE, MIXED).go().last
    monkeypatch.setattr(feed, "SEGMENT_STEPS", 4)

    def stop(event: Any) -> str | None:
        if isinstance(event, Progress) and (event.epoch - 1) * 10 + event.step_in_epoch >= steps:
            return "enough"
        return None

    stopped = Run(Resampling(), RECIPE, MIXED, folder=tmp_path, listeners=[stop]).go()
    assert steps <= stopped.steps_done < steps + 4
    same(Run(Resampling(), RECIPE, MIXED, folder=tmp_path).go(resume=True).last, whole)
