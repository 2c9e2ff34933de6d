"""Draws the twenty digits in `drawn/`: pen strokes as a hand would make them, on many kinds of paper.

Run `python tests/data/draw_digits.py` to draw them again. The shapes were drawn once, looked at, and not fitted
to any classifier. `draw` also makes the jittered pictures of the tests.
"""

# ruff: noqa: E501

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

FOLDER = Path(__file__).parent / "drawn"

# A stroke is a row of points (x, y) that the pen passes, x to the right, y down, the digit about 1 high. A "|" in
# place of a point is a sharp corner: the curve ends there and goes on in a new direction.
Stroke = list[tuple[float, float] | str]


def _ring(x: float, y: float, rx: float, ry: float, start: float, turn: float = 380, way: int = 1) -> Stroke:
    steps = max(6, int(abs(turn) / 30))
    angles = [math.radians(start + way * turn * i / steps) for i in range(steps + 1)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


GLYPHS: dict[str, list[Stroke]] = {
    "0_a": [_ring(0.32, 0.5, 0.3, 0.5, -80, 370, -1)],
    "0_b": [_ring(0.36, 0.5, 0.36, 0.48, -60, 350, -1)],
    "1_a": [[(0.14, 0.0), (0.12, 0.5), (0.08, 1.0)]],
    "1_b": [[(0.05, 0.27), (0.2, 0.13), (0.32, 0.0), "|", (0.31, 0.5), (0.3, 1.0)], [(0.06, 1.0), (0.3, 0.99), (0.56, 1.0)]],
    "2_a": [[(0.05, 0.25), (0.14, 0.06), (0.36, 0.0), (0.55, 0.1), (0.56, 0.3), (0.38, 0.58), (0.18, 0.82), (0.02, 0.98),
             "|", (0.3, 0.98), (0.62, 0.96)]],
    "2_b": [[(0.04, 0.2), (0.2, 0.02), (0.45, 0.04), (0.54, 0.25), (0.42, 0.55), (0.22, 0.85), (0.08, 0.97), (0.0, 0.88),
             (0.12, 0.82), (0.32, 0.92), (0.5, 0.99), (0.66, 0.9)]],
    "3_a": [[(0.04, 0.14), (0.22, 0.0), (0.46, 0.06), (0.5, 0.25), (0.36, 0.42), (0.2, 0.46), "|", (0.4, 0.5), (0.56, 0.66),
             (0.52, 0.88), (0.3, 1.0), (0.1, 0.96), (0.0, 0.84)]],
    "3_b": [[(0.02, 0.02), (0.3, 0.0), (0.56, 0.02), "|", (0.42, 0.2), (0.26, 0.4), "|", (0.46, 0.42), (0.58, 0.6),
             (0.54, 0.86), (0.32, 1.0), (0.1, 0.97), (0.0, 0.88)]],
    "4_a": [[(0.1, 0.02), (0.06, 0.3), (0.02, 0.56), "|", (0.3, 0.56), (0.62, 0.54)], [(0.47, 0.14), (0.45, 0.6), (0.42, 1.0)]],
    "4_b": [[(0.46, 0.0), (0.24, 0.34), (0.0, 0.66), "|", (0.34, 0.66), (0.66, 0.65)], [(0.46, 0.0), (0.46, 0.5), (0.47, 1.0)]],
    "5_a": [[(0.1, 0.02), (0.08, 0.22), (0.06, 0.44), "|", (0.24, 0.38), (0.46, 0.44), (0.56, 0.64), (0.48, 0.9), (0.26, 1.0),
             (0.02, 0.92)], [(0.1, 0.02), (0.32, 0.01), (0.56, 0.0)]],
    "5_b": [[(0.55, 0.0), (0.34, 0.02), (0.12, 0.03), "|", (0.1, 0.2), (0.08, 0.42), "|", (0.3, 0.4), (0.54, 0.52),
             (0.56, 0.78), (0.38, 0.97), (0.16, 1.0), (0.0, 0.9)]],
    "6_a": [[(0.44, 0.0), (0.2, 0.18), (0.04, 0.5), (0.04, 0.8), (0.2, 0.99), (0.44, 0.96), (0.56, 0.76), (0.46, 0.56),
             (0.26, 0.54), (0.08, 0.7)]],
    "6_b": [[(0.24, 0.0), (0.12, 0.3), (0.03, 0.62), (0.06, 0.88), (0.26, 1.0), (0.48, 0.9), (0.5, 0.7), (0.32, 0.58),
             (0.14, 0.64), (0.05, 0.76)]],
    "7_a": [[(0.0, 0.03), (0.3, 0.02), (0.58, 0.0), "|", (0.44, 0.34), (0.3, 0.68), (0.2, 1.0)]],
    "7_b": [[(0.02, 0.04), (0.32, 0.03), (0.6, 0.02), "|", (0.46, 0.36), (0.32, 0.7), (0.24, 1.0)],
            [(0.14, 0.54), (0.36, 0.52), (0.58, 0.5)]],
    "8_a": [[(0.5, 0.14), (0.3, 0.0), (0.1, 0.1), (0.1, 0.28), (0.28, 0.44), (0.48, 0.6), (0.56, 0.8), (0.4, 0.98), (0.16, 0.98),
             (0.03, 0.8), (0.14, 0.6), (0.34, 0.44), (0.5, 0.28), (0.5, 0.12)]],
    "8_b": [_ring(0.3, 0.24, 0.22, 0.23, -70, 370, -1), _ring(0.3, 0.73, 0.28, 0.26, -90, 370, -1)],
    "9_a": [[(0.52, 0.16), (0.34, 0.0), (0.1, 0.08), (0.02, 0.28), (0.14, 0.46), (0.36, 0.42), (0.52, 0.2), "|", (0.51, 0.5),
             (0.48, 1.0)]],
    "9_b": [[(0.5, 0.14), (0.3, 0.0), (0.08, 0.1), (0.03, 0.3), (0.18, 0.46), (0.4, 0.4), (0.52, 0.16), (0.54, 0.5), (0.46, 0.84),
             (0.26, 1.0), (0.04, 0.9)]],
}  # fmt: skip


@dataclass(frozen=True)
class Look:
    """How a digit is put on paper. Lengths are parts of the digit's height; `box` is (left, top, height) in pixels."""

    size: tuple[int, int] = (200, 200)
    box: tuple[float, float, float] = (60, 30, 140)
    stroke: float = 0.1
    slant: float = 0.0
    width: float = 1.0
    wobble: float = 0.012
    turn: float = 0.0
    paper: tuple[int, ...] = (255, 255, 255)
    ink: tuple[int, ...] = (20, 20, 20)
    gradient: float = 0.0
    noise: float = 0.0
    pressure: float = 0.0
    mode: str = "RGB"
    seed: int = 0
    nudge: float = 0.0
    glyph: str = field(default="", kw_only=True)


def path_of(stroke: Stroke) -> np.ndarray:
    """Return close points along a stroke: Catmull-Rom curves between its corners."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for point in stroke:
        if isinstance(point, str):
            pieces.append([pieces[-1][-1]])
        else:
            pieces[-1].append(point)
    points = []
    for piece in pieces:
        knots = np.array([piece[0], *piece, piece[-1]], float)
        for p0, p1, p2, p3 in zip(knots, knots[1:], knots[2:], knots[3:], strict=False):
            t = np.linspace(0, 1, 24)[:, None]
            points.append(
                0.5
                * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
            )
    return np.concatenate(points)


def draw(glyph: str, look: Look) -> Image.Image:
    """Return a picture of one glyph."""
    rng = np.random.default_rng(look.seed)
    width, height = look.size
    scale = max(1, min(4, int(1600 / max(look.size))))  # drawn larger, then reduced: smooth edges
    mask = Image.new("L", (width * scale, height * scale), 0)
    pen = ImageDraw.Draw(mask)
    left, top, tall = (value * scale for value in look.box)
    waves = rng.normal(size=(3, 2)), rng.uniform(0, 6.28, size=(3, 2)), rng.uniform(1, 5, size=3)
    for stroke in GLYPHS[glyph]:
        moved = [
            p if isinstance(p, str) else (p[0] + look.nudge * rng.normal(), p[1] + look.nudge * rng.normal())
            for p in stroke
        ]
        path = path_of(moved)
        path[:, 0] = path[:, 0] * look.width + look.slant * (0.5 - path[:, 1])
        angle = math.radians(look.turn)
        centre = np.array([0.3, 0.5])
        path = (path - centre) @ np.array(
            [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
        ) + centre
        along = np.linspace(0, 1, len(path))[:, None]
        for amount, phase, speed in zip(*waves, strict=True):
            path = path + look.wobble / 2 * amount * np.sin(phase + 6.28 * speed * along)
        pixels = path * tall + (left, top)
        radii = look.stroke * tall / 2 * (1 + look.pressure * np.sin(2.5 + 5 * along[:, 0]))
        for (x0, y0), (x1, y1), radius in zip(pixels, pixels[1:], radii, strict=False):
            for t in np.linspace(0, 1, max(2, int(math.dist((x0, y0), (x1, y1))) + 1)):
                x, y = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    cover = np.asarray(mask.resize((width, height), Image.Resampling.BOX), float)[..., None] / 255
    paper = np.array(look.paper[:3], float) * np.ones((height, width, 1))
    paper = paper * (
        1
        + look.gradient * (np.linspace(-0.5, 0.5, width)[None, :, None] + np.linspace(-0.5, 0.5, height)[:, None, None])
    )
    if look.mode == "RGBA":
        colour = np.array(look.ink[:3], float) * np.ones((height, width, 1))
        return Image.fromarray(np.concatenate([colour, cover * 255], -1).round().astype(np.uint8), "RGBA")
    pixels = paper * (1 - cover) + np.array(look.ink[:3], float) * cover
    pixels = pixels + look.noise * rng.normal(size=(height, width, 1))
    picture = Image.fromarray(np.clip(pixels, 0, 255).round().astype(np.uint8), "RGB")
    if look.mode == "P":
        return picture.quantize(8)
    return picture.convert(look.mode)


BLACK, WHITE = (0, 0, 0), (255, 255, 255)
DRAWN: dict[str, Look] = {
    "0_a": Look((28, 28), (9, 4, 20), 0.13, mode="L", paper=BLACK, ink=WHITE, seed=1),
    "0_b": Look((400, 300), (40, 50, 180), 0.09, 0.15, paper=(250, 245, 225), ink=(30, 40, 110), seed=2, mode="P"),
    "1_a": Look((64, 64), (27, 8, 46), 0.12, 0.1, mode="L", seed=3),
    "1_b": Look((1200, 900), (480, 120, 620), 0.07, 0.02, mode="P", paper=(235, 235, 235), ink=(10, 10, 10), seed=4),
    "2_a": Look((200, 200), (55, 30, 140), 0.1, 0.05, mode="L", ink=(0, 0, 0), seed=5),
    "2_b": Look((160, 240), (30, 50, 130), 0.08, 0.12, paper=(40, 60, 90), ink=(240, 240, 200), seed=6, mode="P"),
    "3_a": Look((32, 32), (8, 5, 22), 0.13, mode="RGB", ink=(200, 30, 30), seed=7),
    "3_b": Look((300, 200), (170, 25, 150), 0.12, 0.04, paper=(128, 128, 128), ink=(30, 30, 30), seed=8, mode="L"),
    "4_a": Look((500, 500), (120, 80, 330), 0.06, 0.08, mode="P", paper=(255, 255, 255), ink=(20, 60, 160), seed=9),
    "4_b": Look((100, 100), (22, 16, 68), 0.16, mode="L", paper=BLACK, ink=(230, 230, 230), seed=10, pressure=0.1),
    "5_a": Look((240, 180), (70, 20, 135), 0.09, 0.06, gradient=0.25, paper=(200, 200, 195), ink=(40, 40, 45), mode="L", seed=11),
    "5_b": Look((24, 24), (5, 3, 18), 0.14, mode="L", seed=12),
    "6_a": Look((200, 260), (50, 70, 150), 0.11, mode="RGBA", ink=(15, 15, 15), seed=13),
    "6_b": Look((640, 480), (60, 40, 260), 0.1, 0.1, mode="P", paper=(70, 120, 80), ink=(250, 250, 250), seed=14),
    "7_a": Look((90, 120), (18, 24, 72), 0.1, 0.04, mode="L", noise=10, paper=(225, 225, 225), ink=(35, 35, 35), seed=15),
    "7_b": Look((200, 200), (40, 35, 130), 0.08, 0.05, seed=16, mode="L", ink=(70, 70, 70)),
    "8_a": Look((150, 150), (45, 28, 92), 0.11, 0.08, mode="P", paper=(250, 220, 120), ink=(120, 20, 60), seed=17),
    "8_b": Look((48, 64), (12, 10, 42), 0.11, mode="L", paper=(15, 15, 15), ink=(220, 220, 220), seed=18),
    "9_a": Look((360, 360), (110, 90, 200), 0.14, 0.03, mode="RGBA", ink=(250, 250, 250), seed=19, pressure=0.12),
    "9_b": Look((128, 128), (38, 20, 84), 0.09, 0.06, mode="L", noise=6, paper=(180, 180, 180), ink=(60, 60, 60), seed=20),
}  # fmt: skip

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, look in DRAWN.items():
        draw(name, look).save(FOLDER / f"{name}.png", optimize=True)
