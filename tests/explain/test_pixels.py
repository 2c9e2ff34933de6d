"""Maps of pixels against linear networks, whose maps are known, and the sum that they must have."""

import jax
import numpy as np
import pytest

from brickwork.bricks import Dense, Ensemble, Flatten, Rescale, Sequential
from brickwork.core.errors import DataError, SettingError
from brickwork.core.variables import Variables
from brickwork.explain import integrated_gradients, occlusion, pixel_map

draw = np.random.default_rng(0)
PICTURES = draw.integers(0, 256, (2, 6, 5, 3)).astype(np.uint8)
MEDIANS = np.sort(PICTURES.reshape(2, 30, 3), axis=1)[:, 14].astype(np.float32)[:, None, None, :]


def made(net):
    """Return variables drawn at once, which is quicker than by the network's own rules."""
    plan = net.plan(PICTURES)
    return Variables({name: draw.normal(0, 0.3, one.shape).astype(np.float32) for name, one in plan.params.items()}, {})


def test_the_map_of_a_linear_network_is_its_terms():
    net = Sequential(Rescale(1 / 255), Flatten(), Dense(2))
    variables = made(net)
    weight = np.asarray(variables.params["2_dense/weight"])[:, 1].reshape(6, 5, 3)
    expected = weight * (PICTURES - MEDIANS) / 255
    maps = integrated_gradients(net, variables, PICTURES, "number", 1, steps=1)
    np.testing.assert_allclose(maps, expected, atol=1e-6)
    shown = pixel_map(net, variables, PICTURES, "number", 1, steps=1, blur=0)
    summed = expected.sum(axis=-1)
    np.testing.assert_allclose(shown, summed / np.abs(summed).max(axis=(1, 2), keepdims=True), atol=1e-6)


def test_maps_of_classes_add_up_and_those_of_an_ensemble_too():
    body = Sequential(Rescale(1 / 255), Flatten(), Dense(4, "gelu"), Dense(3))
    net = Ensemble(body, members=2, combine="classes")
    variables = made(net)
    outputs = [2, 0]
    maps = integrated_gradients(net, variables, PICTURES, "classes", outputs, steps=64)

    empty = np.broadcast_to(MEDIANS, PICTURES.shape).astype(np.float32)
    both = np.concatenate([PICTURES.astype(np.float32), empty])
    p = np.asarray(jax.jit(lambda pictures: jax.nn.softmax(net.apply(variables, pictures).output))(both))
    p = p[np.arange(4), outputs * 2]
    odds = np.log(p / (1 - p))
    np.testing.assert_allclose(maps.sum(axis=(1, 2, 3)), odds[:2] - odds[2:], rtol=1e-3)
    shown = pixel_map(net, variables, PICTURES, "classes", steps=64)
    assert shown.shape == (2, 6, 5)
    np.testing.assert_allclose(np.abs(shown).max(axis=(1, 2)), 1)


def test_occlusion_finds_what_is_looked_at():
    pictures = np.full((1, 12, 12, 1), 10, np.uint8)
    pictures[0, 2:5, 7:10] = 200

    def predict(rows):
        yes = rows[:, 2:5, 7:10].mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - yes, yes], axis=1)

    (found,) = occlusion(predict, pictures, 1, patch=2)
    assert found.shape == (12, 12)
    assert found[3, 8] == found.max() == 1
    assert (np.argwhere(found > 0).min(axis=0) >= [1, 6]).all()
    assert (found[6:] == 0).all()
    (against,) = occlusion(predict, pictures, 0, patch=2)
    np.testing.assert_allclose(against, -found)


def test_what_is_no_picture_is_refused():
    with pytest.raises(DataError, match=r"\(rows, height, width, channels\), got \(4, 4\)"):
        occlusion(lambda rows: rows, np.zeros((4, 4)))
    with pytest.raises(SettingError, match="from 0 to 1"):
        occlusion(lambda rows: np.zeros((len(rows), 2)), PICTURES, 2)
