"""A class for every pixel: a segmentation-shaped network, as data.

Pictures of discs and squares on a noisy ground, drawn here; the network says of each pixel what it belongs to. It goes
down to see the whole and back up to say where, with bridges between the two (Ronneberger et al. 2015, "U-Net"). It is
a `Graph`: bricks with names, and edges between them, so that it can be printed, stored and compared.

    python examples/segmentation.py
"""

import numpy as np

import brickwork as bw

CLASSES = ("ground", "disc", "square")


def draw(count: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures (count, size, size, 1) with two shapes each, and the class of each pixel (count, size, size)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    pictures, labels = np.zeros((count, size, size, 1), np.float32), np.zeros((count, size, size), np.int32)
    for picture, label in zip(pictures, labels, strict=True):
        for kind in random.integers(1, 3, size=2):
            radius, (top, left) = random.uniform(4, 7), random.uniform(6, size - 6, size=2)
            down, right = np.abs(y - top), np.abs(x - left)
            inside = (down**2 + right**2 < radius**2) if kind == 1 else (np.maximum(down, right) < 0.9 * radius)
            picture[inside], label[inside] = random.uniform(0.5, 1.0), kind
    return pictures + random.normal(0, 0.1, pictures.shape).astype(np.float32), labels


def block(filters: int) -> bw.Sequential:
    """Return a convolution, normalised: it sees 3 by 3 pixels, or what they have become."""
    return bw.Sequential(bw.Conv(filters, 3), bw.BatchNorm(), bw.Activation("relu"))


net = bw.Graph(
    full=(block(8), "input"),  # (rows, 24, 24, 8)
    down1=(bw.MaxPool(2), "full"),  # (rows, 12, 12, 8)
    half=(block(16), "down1"),  # (rows, 12, 12, 16)
    down2=(bw.MaxPool(2), "half"),  # (rows, 6, 6, 16)
    quarter=(bw.Sequential(block(32), block(32)), "down2"),  # (rows, 6, 6, 32): sees the whole
    up1=(bw.Upsample(2), "quarter"),  # (rows, 12, 12, 32)
    bridge1=(bw.Concat(), "up1", "half"),  # (rows, 12, 12, 48): what it is, and where
    half_again=(block(16), "bridge1"),  # (rows, 12, 12, 16)
    up2=(bw.Upsample(2), "half_again"),  # (rows, 24, 24, 16)
    bridge2=(bw.Concat(), "up2", "full"),  # (rows, 24, 24, 24)
    full_again=(block(8), "bridge2"),  # (rows, 24, 24, 8)
    head=(bw.Conv(len(CLASSES), 1), "full_again"),  # (rows, 24, 24, 3): a logit for each class, at each pixel
)
model = bw.Model(net, loss="cross_entropy", metrics=["accuracy"])
model.fit(*draw(600, 24, seed=1), valid=draw(60, 24, seed=2), epochs=12, batch_size=16, rate=3e-3, progress=False)


def overlaps(size: int) -> dict[str, float]:
    """Return intersection over union of each class, on fresh pictures of some size."""
    pictures, labels = draw(60, size, seed=3)
    found = model.predict(pictures)
    return {
        name: np.sum((found == number) & (labels == number)) / np.sum((found == number) | (labels == number))
        for number, name in enumerate(CLASSES)
    }


for size in (24, 40):
    print(f"{size} by {size} pixels:", ", ".join(f"{name} {share:.0%}" for name, share in overlaps(size).items()))
    assert min(overlaps(size).values()) > 0.7, "every class is found, and on pictures of a size it has not seen, too"
