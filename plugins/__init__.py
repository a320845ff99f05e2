"""Thin adapters from tools and models to kernel functions."""
