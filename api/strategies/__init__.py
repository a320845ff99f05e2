"""Strategies: how asking with the memory's advice compares with asking without."""
