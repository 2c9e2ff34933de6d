"""One or many in, one or many out: the four kinds of question, each with a network that answers it.

    python examples/sequences.py

Every part trains a small network from nothing, shows what it says, and checks it on rows that it has not seen.
"""

import numpy as np

import brickwork as bw

random = np.random.default_rng(0)

# ------------------------------------------------------------------------------------------------ one to one
# One thing in, one answer out: four measurements of a flower, and which kind of iris it is. Nothing comes before or
# after anything, so layers that see everything at once will do.

iris = bw.datasets.load("iris")
which_iris = bw.Model(bw.Sequential(bw.Dense(16, "relu"), bw.Dense(3)), "cross_entropy", ["accuracy"])
which_iris.fit(iris.train, epochs=40, rate=0.01, progress=False)

accuracy = which_iris.evaluate(iris.test)["accuracy"]
print(f"One to one. {accuracy:.0%} of the irises in the test are told apart.")
print(f"  {iris.test.inputs[0]} is {which_iris.predict(iris.test.inputs[:1])[0]}\n")
assert accuracy > 0.85

# ----------------------------------------------------------------------------------------------- one to many
# One thing in, a sequence out: the name of a digit, and how to write it, one line of pixels after the other. The name
# becomes a vector of numbers (Embedding), is said again at every step (Repeat), and the recurrent layer, which knows
# what it has written so far, says what comes next.

digits = bw.datasets.load("digits")
names, lines = digits.train.targets, digits.train.inputs[..., 0] / np.float32(16)  # (rows, 8 lines, 8 pixels)
writer = bw.Model(
    bw.Sequential(bw.Embedding(10, 16), bw.Repeat(8), bw.GRU(48, return_sequence=True), bw.Dense(8)), "mse"
)
writer.fit(names, lines, epochs=12, rate=0.01, progress=False)

written = writer.predict(np.arange(10, dtype=np.int32))  # (10 digits, 8 lines, 8 pixels)
test_lines = digits.test.inputs[..., 0] / 16
typical = np.stack([test_lines[digits.test.targets == digit].mean(0) for digit in range(10)])
distances = np.square(written[:, None] - typical).mean((2, 3))
print("One to many. Asked for a 3 and a 7, it writes")
for left, right in zip(written[3], written[7], strict=True):
    print("  " + "    ".join("".join(" .:oO@"[int(np.clip(6 * p, 0, 5))] for p in line) for line in (left, right)))
print()
assert np.array_equal(distances.argmin(1), np.arange(10))  # each is nearest to how people write that digit

# ----------------------------------------------------------------------------------------------- many to one
# A sequence in, one answer out: a review of a film, and whether it is a good one. Reviews have different lengths:
# `Padded` holds them in one array, and nothing ever sees the filling. Order matters, for "not" turns the next word
# around: a network that counted words could not know.

KINDS = ["good", "great", "bad", "dull"]
WORDS = {word: number for number, word in enumerate([*KINDS, "not", "very", "and", "the", "film", "was"])}


def review() -> tuple[list[str], int]:
    """Return a review, and whether it praises more than it blames."""
    words, praise = ["the", "film", "was"], 0
    for part in range(random.integers(1, 4) * 2 - 1):  # an odd number: there is no draw
        negated, kind = random.random() < 0.4, random.choice(KINDS)
        words += ["and"] * (part > 0) + ["not"] * negated + ["very"] * (random.random() < 0.3) + [str(kind)]
        praise += 1 if (kind in ("good", "great")) != negated else -1
    return words, int(praise > 0)


def numbers_of(sentences: list[list[str]]) -> bw.Padded:
    """Return sentences as numbers of words."""
    return bw.Padded.of([[WORDS[word] for word in words] for words in sentences])


reviews, verdicts = zip(*[review() for _ in range(1500)], strict=True)
inputs, targets = numbers_of(list(reviews)), np.array(verdicts)
critic = bw.Model(bw.Sequential(bw.Embedding(len(WORDS), 8), bw.LSTM(24), bw.Dense(2)), "cross_entropy", ["accuracy"])
critic.fit(inputs[:1200], targets[:1200], epochs=15, rate=0.01, progress=False)

accuracy = critic.evaluate(inputs[1200:], targets[1200:])["accuracy"]
print(f"Many to one. {accuracy:.1%} of the reviews are understood.")
texts = ["the film was not bad", "the film was not very good", "the film was dull and not great and good"]
answers = critic.predict(numbers_of([text.split() for text in texts]))
for text, answer in zip(texts, answers, strict=True):
    print(f"  {text}: {'praise' if answer else 'blame'}")
print()
assert accuracy > 0.95
assert list(answers) == [1, 0, 0]

# ---------------------------------------------------------------------------------------------- many to many
# A sequence in, an answer for every step: English words, and the French one for each. "the" is "le" or "la", "small" is
# "petit" or "petite", as the noun wants that comes later: so one layer reads from the left and one from the right. The
# noun is never far away, and the simplest memory will do.

NOUNS = {"cat": "chat m", "dog": "chien m", "garden": "jardin m", "house": "maison f", "car": "voiture f"}
BOTH_FORMS = {"the": "le la", "a": "un une", "small": "petit petite", "big": "grand grande", "pretty": "joli jolie"}
VERBS = {"sees": "voit", "likes": "aime", "wants": "veut"}
ENGLISH = {word: number for number, word in enumerate([*NOUNS, *BOTH_FORMS, *VERBS])}


def sentence() -> list[tuple[str, str]]:
    """Return pairs of English and French words: someone does something to someone."""

    def phrase() -> list[tuple[str, str]]:
        noun = str(random.choice(list(NOUNS)))
        french, gender = NOUNS[noun].split()
        adjectives = list(random.permutation(["small", "big", "pretty"])[: random.integers(0, 3)])
        before = [str(random.choice(["the", "a"])), *map(str, adjectives)]
        return [*((word, BOTH_FORMS[word].split()["mf".index(gender)]) for word in before), (noun, french)]

    verb = str(random.choice(list(VERBS)))
    return [*phrase(), (verb, VERBS[verb]), *phrase()]


sentences = [sentence() for _ in range(700)]
english = bw.Padded.of([[ENGLISH[word] for word, _ in pairs] for pairs in sentences])
french = bw.Padded.of([[word for _, word in pairs] for pairs in sentences], fill="")
translator = bw.Model(
    bw.Sequential(
        bw.Embedding(len(ENGLISH), 16), bw.Bidirectional(bw.SimpleRNN(32, return_sequence=True)), bw.Dense(18)
    ),
    "cross_entropy",
    ["accuracy"],
)
translator.fit(english[:600], french[:600], epochs=8, rate=0.01, progress=False)

accuracy = translator.evaluate(english[600:], french[600:])["accuracy"]
print(f"Many to many. {accuracy:.1%} of the words are translated as they should be.")
texts = ["the small cat likes a big pretty house", "a pretty house wants the cat"]
answers = translator.predict(bw.Padded.of([[ENGLISH[word] for word in text.split()] for text in texts]))
for text, answer in zip(texts, answers, strict=True):
    print(f"  {text}: {' '.join(answer)}")
assert accuracy > 0.97
assert " ".join(answers[1]) == "une jolie maison veut le chat"
