"""Two tables made up for comparing methods: `shop`, small with many categories and gaps, and `large`, 200,000 rows.

Both are drawn from plain assumptions of how such data come about: smooth effects, steps, effects of categories, and
interactions of two columns; then noise. The truth before the noise is kept beside the table, so that what the
best possible answer scores is known exactly. It depends on nothing but what the table shows: a gap is an answer of its
own (nobody rated it, nobody said), and what is drawn from classes is drawn from the probabilities that are kept.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl


@dataclass(frozen=True, eq=False)
class Generated:
    """A table, the column to answer, and the best possible answer for every row.

    `best` is the more probable of two classes, or the number without its noise.
    """

    frame: pl.DataFrame
    target: str
    question: Literal["classes", "number"]
    best: np.ndarray


def shop(rows: int = 10_000, seed: int = 0) -> Generated:
    """Return orders of a shop, and whether each was sent back: 18 columns, 9 of them words, gaps in 5.

    The log odds add up effects of brand, category, country and size, a fall and rise with age, a step where delivery
    takes long, a rise with the price that is steep when paid by invoice, a discount that matters only
    for clothes, and how brands do in a country's climate.
    """
    draw = np.random.Generator(np.random.PCG64([seed, 1]))
    category = draw.choice(12, rows, p=_falling(12, 0.6))
    brand = _within_groups(draw, category, each=8)
    country = draw.choice(20, rows, p=_falling(20, 0.8))
    city = _within_groups(draw, country, each=6)
    payment = draw.choice(4, rows, p=(0.4, 0.3, 0.2, 0.1))
    device = draw.choice(3, rows, p=(0.55, 0.35, 0.1))
    size = draw.choice(5, rows, p=(0.1, 0.25, 0.3, 0.25, 0.1))
    weekday = draw.integers(0, 7, rows)
    channel = draw.choice(5, rows, p=_falling(5, 0.7))

    price = np.exp(draw.normal(3.6, 0.5, 12)[category] + draw.normal(0, 0.55, rows))
    discount = np.where(draw.random(rows) < 0.4, np.nan, np.round(draw.beta(1.5, 4, rows) * 70))
    age = np.where(draw.random(rows) < 0.15, np.nan, np.round(18 + 62 * draw.beta(1.6, 2.4, rows)))
    delivery = np.round(1 + draw.gamma(2.0 + 0.15 * (country % 7), 1.1, rows))
    orders = draw.poisson(np.exp(draw.normal(1.2, 0.8, rows)))
    rating = np.where(draw.random(rows) < 0.25, np.nan, np.round(np.clip(draw.normal(3.9, 0.7, rows), 1, 5), 1))
    hour = (draw.normal(17, 4.5, rows)) % 24
    weight = np.exp(draw.normal(-0.3, 0.4, 12)[category] + draw.normal(0, 0.5, rows))
    minutes = np.where(draw.random(rows) < 0.1, np.nan, np.round(draw.gamma(1.5, 6, rows), 1))

    clothes, invoice = category % 3 == 0, payment == 2
    dear = np.log(price / 36)
    of_age = np.where(np.isnan(age), 0.3, 1.6 * ((np.nan_to_num(age) - 45) / 22) ** 2 - 0.9)
    of_discount = np.where(np.isnan(discount), -0.4, np.where(clothes, -0.09, 0.04) * (np.nan_to_num(discount) - 15))
    of_rating = np.where(np.isnan(rating), 0.5, 1.1 * (3.9 - np.nan_to_num(rating)))
    climate, warmth = draw.normal(0, 1, 20), draw.normal(0, 1, 96)
    odds = (
        draw.normal(0, 0.6, 96)[brand]
        + draw.normal(0, 0.4, 12)[category]
        + draw.normal(0, 0.4, 20)[country]
        + draw.normal(0, 0.25, 120)[city]
        + 0.6 * climate[country] * warmth[brand] * (weight < 1.2)
        + np.array([0.9, 0.1, -0.3, 0.1, 1.0])[size] * np.where(clothes, 1.6, -0.6)
        + of_age * np.where(device == 1, 2.0, 0.6)
        + of_discount
        + of_rating
        + np.where(invoice, 2.6, -0.8) * dear
        + 1.4 * (delivery > 5) * np.where(orders > 3, -0.9, 1.5)
        + 0.7 * np.sin(2 * np.pi * (hour - 3) / 24)
        - 0.1
    )
    chance = 1 / (1 + np.exp(-1.4 * odds))
    returned = draw.random(rows) < chance
    frame = pl.DataFrame(
        {
            "category": _words("goods", category),
            "brand": _words("brand", brand),
            "country": _words("land", country),
            "city": _words("city", city),
            "payment": np.array(["card", "transfer", "invoice", "voucher"])[payment],
            "device": np.array(["computer", "phone", "tablet"])[device],
            "size": np.array(["XS", "S", "M", "L", "XL"])[size],
            "weekday": np.array(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])[weekday],
            "channel": _words("channel", channel),
            "price": np.round(price, 2),
            "discount": _gaps(discount),
            "age": _gaps(age),
            "delivery_days": delivery,
            "orders_before": orders,
            "rating": _gaps(rating),
            "hour": np.round(hour, 2),
            "kilograms": np.round(weight, 3),
            "minutes_on_page": _gaps(minutes),
            "returned": np.where(returned, "yes", "no"),
        }
    )
    return Generated(frame, "returned", "classes", np.where(chance > 0.5, "yes", "no"))


def large(rows: int = 200_000, seed: int = 0) -> Generated:
    """Return taxi rides of a made-up city, and how many minutes each took: 40 columns, 8 of them words.

    Minutes are distance over speed. Speed falls in two rush hours that shift with the weekday, falls in rain and below
    freezing, differs by district and by pairs of districts, and by how a driver goes; there are waits at stations,
    steps for tolls and for full cars, and many columns that matter little or not at all.
    """
    draw = np.random.Generator(np.random.PCG64([seed, 2]))
    start, end = draw.choice(30, rows, p=_falling(30, 0.5)), draw.choice(30, rows, p=_falling(30, 0.5))
    driver = draw.integers(0, 200, rows)
    car = draw.choice(6, rows, p=_falling(6, 0.5))
    weekday = draw.integers(0, 7, rows)
    weather = draw.choice(5, rows, p=(0.5, 0.25, 0.15, 0.07, 0.03))
    company = driver % 9
    paid = draw.choice(4, rows, p=(0.5, 0.3, 0.15, 0.05))

    places = draw.normal(0, 4, (30, 2))
    origin, goal = (places[place] + draw.normal(0, 0.8, (rows, 2)) for place in (start, end))
    direct = np.hypot(*(goal - origin).T)
    bends = draw.uniform(1.1, 1.7, rows)
    hour = np.where(draw.random(rows) < 0.5, draw.normal(9, 2.5, rows), draw.normal(18, 3, rows)) % 24
    day = draw.integers(0, 365, rows)
    warm = 11 - 11 * np.cos(2 * np.pi * (day - 20) / 365) + draw.normal(0, 4, rows)
    rain = np.where(weather >= 2, draw.gamma(1.5, 1.5, rows), 0.0)
    wind, humid = draw.gamma(2.0, 6.0, rows), np.clip(60 + 6 * rain + draw.normal(0, 12, rows), 5, 100)
    sight = np.clip(20 - 3 * rain + draw.normal(0, 3, rows), 0.2, 30)
    people, bags = draw.choice(6, rows, p=(0.1, 0.5, 0.2, 0.1, 0.06, 0.04)), draw.poisson(0.8, rows)
    lights = draw.poisson(1 + 1.3 * direct)
    closed, crowd = draw.beta(1.2, 8, rows), draw.gamma(2, 1.0, rows)
    years, rides = draw.gamma(2, 4, 200)[driver], draw.poisson(12, rows)
    since = draw.gamma(1.5, 3, rows)
    tyre, battery, fuel = draw.normal(2.3, 0.15, rows), draw.normal(12.6, 0.2, rows), draw.beta(2, 2, rows)
    price = draw.normal(1.6, 0.1, rows) + 0.002 * day

    weekend = weekday >= 5
    rush = np.exp(-(((hour - np.where(weekend, 11.5, 8.3)) / 1.3) ** 2)) * np.where(weekend, 0.25, 1.0)
    rush = rush + 0.9 * np.exp(-(((hour - np.where(weekday == 4, 15.5, 17.6)) / 1.7) ** 2))
    inner = np.exp(-((np.hypot(*(origin + goal).T) / 8) ** 2))
    pairs = draw.normal(0, 0.10, (30, 30))
    speed = 34 * np.exp(
        -0.55 * rush * (0.45 + inner)
        - 0.10 * np.log1p(rain) * (1 + 0.8 * rush)
        - 0.30 / (1 + np.exp(warm / 1.2))
        - 0.25 * inner
        + draw.normal(0, 0.12, 30)[start]
        + draw.normal(0, 0.12, 30)[end]
        + pairs[start, end]
        + draw.normal(0, 0.10, 200)[driver]
        + 0.06 * np.tanh((years - 6) / 4)
        - 0.35 * closed * crowd / 2
        - 0.08 * (sight < 5)
    )
    waits = (
        0.35 * lights * (0.6 + rush) + 1.1 * (people >= 4) + 0.5 * bags * (car % 2) + 2.5 * (end == 3) * (people > 1)
    )
    truth = (
        60 * direct * bends / speed + waits + 1.5 * ((start < 6) & (end >= 20)) + 0.4 * np.sin(2 * np.pi * hour / 24)
    )
    taken = truth + (1.0 + 0.17 * truth) * draw.normal(0, 1, rows)

    columns = {
        "from": _words("district", start),
        "to": _words("district", end),
        "driver": _words("driver", driver),
        "car": _words("car", car),
        "weekday": np.array(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])[weekday],
        "weather": np.array(["clear", "clouds", "rain", "storm", "snow"])[weather],
        "company": _words("company", company),
        "paid": np.array(["card", "cash", "app", "bill"])[paid],
        "from_x": origin[:, 0],
        "from_y": origin[:, 1],
        "to_x": goal[:, 0],
        "to_y": goal[:, 1],
        "kilometres": direct * bends,
        "kilometres_direct": direct,
        "hour": hour,
        "day": day,
        "temperature": warm,
        "rain": rain,
        "wind": wind,
        "humidity": humid,
        "sight": sight,
        "people": people,
        "bags": bags,
        "lights": lights,
        "streets_closed": closed,
        "crowd": crowd,
        "years_driving": years,
        "rides_today": rides,
        "hours_since_break": since,
        "tyre_pressure": tyre,
        "battery": battery,
        "fuel": fuel,
        "fuel_price": price,
    }
    columns |= {f"sensor_{number}": draw.normal(0, 1, rows) for number in range(1, 8)}
    frame = pl.DataFrame(columns).with_columns(pl.col(pl.Float64).round(4), minutes=np.round(taken, 2))
    return Generated(frame, "minutes", "number", truth)


GENERATED = {"shop": shop, "large": large}
"""The tables by name."""


def _falling(count: int, power: float) -> np.ndarray:
    """Return probabilities that fall as a power of the rank, as words and brands do."""
    shares = 1 / np.arange(1, count + 1) ** power
    return shares / shares.sum()


def _within_groups(draw: np.random.Generator, group: np.ndarray, each: int) -> np.ndarray:
    """Return for every row one of the members that its group has for itself."""
    return group * each + draw.choice(each, len(group), p=_falling(each, 0.5))


def _words(name: str, numbers: np.ndarray) -> np.ndarray:
    """Return words for numbers."""
    return np.char.add(f"{name} ", (numbers + 1).astype(str))


def _gaps(values: np.ndarray) -> pl.Series:
    """Return values with null where they are not a number."""
    return pl.Series(values).fill_nan(None)
