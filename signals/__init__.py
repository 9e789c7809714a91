"""The dictionary: what agencies tell us and what it means. Imports nothing of ours; every room may read it."""
