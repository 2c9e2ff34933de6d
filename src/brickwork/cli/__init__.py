"""Floor 9: the command line. It parses and shows; the services do the work."""
