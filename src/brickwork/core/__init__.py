"""Floor 0: bricks, scopes, variables, batches, the registry and the bundle."""
