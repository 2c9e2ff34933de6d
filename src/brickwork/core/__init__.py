"""Floor 0: bricks, scopes, variables, batches, specs and their registry, errors."""
