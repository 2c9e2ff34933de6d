"""The contract suite of bricks, and tests of each family."""
