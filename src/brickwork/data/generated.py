"""Generated data sets: made by stated rules with stated noise, the same numbers every time.

Everything is drawn from uniform numbers of one generator, in one order: two versions of NumPy give the same rows.
"""

from typing import Any

import numpy as np

MIDNIGHT = np.datetime64("2025-01-01T00:00", "m")

AIRLINES = ("Albatross", "Bee Line", "Condor Sky", "Dragonfly")
AIRLINE_SCORES = np.array([-0.8, 0.0, 0.5, 1.3])
AIRLINE_SHARES = np.array([0.35, 0.3, 0.2, 0.15])

CITIES = ("Atlanta", "Boston", "Chicago", "Dallas", "Denver", "Miami", "New York", "Seattle")
PLACES = np.array(  # about where they are, in miles east and north of Denver
    [(1130, -420), (1750, 370), (920, 190), (570, -490), (0, 0), (1620, -960), (1620, 210), (-960, 590)], float
)
CLIMATE = np.array(  # degrees Fahrenheit: the mean of the year, and how far summer is above it
    [(62, 18), (51, 22), (50, 25), (66, 20), (50, 22), (77, 8), (55, 22), (53, 13)], float
)

LECTURE = ((-20, 45, True), (80, 0, False), (4, 15, True), (45, 60, True))
"""Temperature, wind and whether there was a delay, of the lecture's four flights."""


def passes() -> tuple[np.ndarray, np.ndarray]:
    """Return students (500, 2), lectures attended and hours of project work, and who passes (500,), 0 or 1.

    pass = (lectures + hours > 7), turned round for 5% of the students

    The first is the student of the lecture: 4 lectures, 5 hours, pass.
    """
    drawn = np.random.Generator(np.random.PCG64(4)).random((500, 3))
    lectures, hours = np.floor(9 * drawn[:, 0]), np.floor(17 * drawn[:, 1]) / 2
    passed = (lectures + hours > 7) ^ (drawn[:, 2] < 0.05)
    lectures[0], hours[0], passed[0] = 4, 5, True
    return np.stack([lectures, hours], axis=1), passed.astype(np.int32)


def flights() -> dict[str, Any]:
    """Return the columns of 2,000 flights: numbers (nan where missing), lists of words, and times of departure."""
    drawn = np.random.Generator(np.random.PCG64(5)).random((2000, 16))
    day, minute = np.floor(365 * drawn[:, 0]), 300 + 5 * np.floor(216 * drawn[:, 1])
    start = np.floor(8 * drawn[:, 2]).astype(int)
    end = (start + 1 + np.floor(7 * drawn[:, 3]).astype(int)) % 8
    airline = np.searchsorted(np.cumsum(AIRLINE_SHARES)[:-1], drawn[:, 4], side="right")
    noise = np.sqrt(-2 * np.log1p(-drawn[:, 5])) * np.cos(2 * np.pi * drawn[:, 6])  # normal, as Box and Muller draw it
    season = np.cos(2 * np.pi * (day - 200) / 365)
    temperature = np.round(CLIMATE[start, 0] + CLIMATE[start, 1] * season + 10 * noise)
    wind = np.round(np.minimum(2 - 9 * np.log1p(-drawn[:, 7]), 75))
    rain = np.where(drawn[:, 8] < 0.3, np.round(-0.3 * np.log1p(-drawn[:, 9]), 2), 0.0)
    age = np.round(25 * drawn[:, 10] ** 1.5, 1)

    given = len(LECTURE)
    temperature[:given], wind[:given] = [row[0] for row in LECTURE], [row[1] for row in LECTURE]
    score = flight_scores(day, minute, start, airline, temperature, wind, rain)
    delayed = drawn[:, 11] < 1 / (1 + np.exp(-score))
    delayed[:given] = [row[2] for row in LECTURE]

    unmeasured = drawn[:, 12] < 0.06
    unmeasured[:given] = False
    wind[unmeasured], rain[drawn[:, 13] < 0.08] = np.nan, np.nan
    age[drawn[:, 14] < np.where(airline == AIRLINES.index("Dragonfly"), 0.35, 0.05)] = np.nan
    return {
        "departure": MIDNIGHT + (1440 * day + minute).astype(np.int64),
        "airline": [AIRLINES[number] for number in airline],
        "from": [CITIES[number] for number in start],
        "to": [CITIES[number] for number in end],
        "distance": np.round(np.hypot(*(PLACES[start] - PLACES[end]).T)),
        "temperature": temperature,
        "wind": wind,
        "rain": rain,
        "aircraft age": age,
        "delayed": ["yes" if late else "no" for late in delayed],
    }


def flight_scores(
    day: np.ndarray,
    minute: np.ndarray,
    start: np.ndarray,
    airline: np.ndarray,
    temperature: np.ndarray,
    wind: np.ndarray,
    rain: np.ndarray,
) -> np.ndarray:
    """Return the logarithm of the odds of a delay: the rule that the card states, every argument (rows,)."""
    hardened = np.isin(start, [CITIES.index("Denver"), CITIES.index("Chicago")])
    weekday = (day + 2) % 7  # 1 January 2025 was a Wednesday: Monday is 0
    return (
        -2.6
        + np.where(hardened, 0.06, 0.12) * np.maximum(0, 32 - temperature)
        + 0.15 * np.maximum(0, wind - 20)
        + 4 * rain
        + 0.17 * np.maximum(0, minute / 60 - 13)
        + 0.8 * np.isin(weekday, [4, 6])
        + AIRLINE_SCORES[airline]
    )
