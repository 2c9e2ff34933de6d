"""Brickwork: bring data, ask a question, get a network, and see inside it."""
