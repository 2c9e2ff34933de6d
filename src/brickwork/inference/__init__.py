"""Floor 1: answers to single rows at once, from a program of our own instead of one that XLA compiles.

A network that is asked one row at a time, as in a service or in a game, spends its time in being called: through XLA
that takes longer than a small network's arithmetic. What a network computes is traced as always; here the trace becomes
a short list of steps with constant weights, in which biases, scales, normalisation, sums with another array and relu
are part of the products before them. A kernel runs it. Nothing is compiled, so the first answer is there at once, too.

    translating   from JAX's operations to steps (those that are not known: XLA goes on computing them)
    joining       fewer steps
    writing       steps as numbers, and where arrays lie
    program       made from these, and called
"""

from brickwork.inference.program import Answering, UnsupportedError, traced

__all__ = ["Answering", "UnsupportedError", "traced"]
