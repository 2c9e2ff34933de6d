"""How fast Brickwork trains and predicts, beside its peers: see `__main__.py`."""
