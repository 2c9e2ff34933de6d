"""Pictures inside the page: small files in the text of the page itself."""

import base64
import io

import numpy as np
from jaxtyping import Float, Num, UInt8

from brickwork.services.report.document import Picture
from brickwork.services.report.markup import Html, element, shortened

SIDE = 128
"""Longest side of a picture in the page; larger ones are made smaller."""

SMALL = 64
"""Pictures up to this side are enlarged with their pixels to be seen."""

# The ends of the map's scale: against, nothing, for. Told apart by people who see no red or no green.
AGAINST, NOTHING, FOR = (38, 96, 196), (246, 246, 244), (222, 96, 10)


def picture_tag(picture: Picture, label: str) -> Html:
    """Return a picture as an element; one that cannot be shown is said to be so."""
    pixels = shown_bytes(picture)
    if pixels is None:
        return element("span", "no picture", class_="quiet")
    return _tag(pixels, label)


def map_tag(map_: Num[np.ndarray, "height width"], label: str) -> Html:
    """Return a map of pixels in colours: blue below 0, orange above, pale at 0."""
    values = np.nan_to_num(np.asarray(map_, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    if values.ndim != 2 or not values.size:
        return element("span", "no map", class_="quiet")
    largest = float(np.quantile(np.abs(values), 0.995)) or float(np.abs(values).max()) or 1.0
    return _tag(_colored(np.clip(values / largest, -1.0, 1.0)), label)


def shown_bytes(picture: Picture) -> UInt8[np.ndarray, "height width *channels"] | None:
    """Return a picture as bytes, grey or of three or four channels; None for what is no picture."""
    values = np.asarray(picture)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim not in (2, 3) or not values.size or (values.ndim == 3 and values.shape[2] not in (3, 4)):
        return None
    if values.dtype != np.uint8:
        known = np.nan_to_num(values.astype(np.float64), nan=0.0)
        scale = 255.0 if values.dtype.kind in "fb" else 1.0
        values = np.clip(np.round(known * scale), 0, 255).astype(np.uint8)
    return values


def _colored(values: Float[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width 3"]:
    """Return colours for numbers from -1 to 1."""
    strength = np.abs(values)[:, :, None]
    end = np.where(values[:, :, None] < 0, np.asarray(AGAINST, np.float64), np.asarray(FOR, np.float64))
    return np.round((1 - strength) * np.asarray(NOTHING) + strength * end).astype(np.uint8)


def _tag(pixels: UInt8[np.ndarray, "height width *channels"], label: str) -> Html:
    from PIL import Image  # noqa: PLC0415  (imported when a picture is shown)

    picture = Image.fromarray(pixels)
    enlarged = max(picture.size) <= SMALL
    if max(picture.size) > SIDE:
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    # JPEG is smaller for photographs; drawings and transparent pictures stay exact.
    photo = picture.mode == "RGB" and not enlarged
    picture.save(data, "JPEG", quality=82) if photo else picture.save(data, "PNG", optimize=True)
    kind = "jpeg" if photo else "png"
    source = f"data:image/{kind};base64,{base64.b64encode(data.getvalue()).decode()}"
    width, height = picture.size
    return element(
        "img",
        src=source,
        alt=shortened(label, 120),
        width=width,
        height=height,
        class_="pixels" if enlarged else None,
    )
