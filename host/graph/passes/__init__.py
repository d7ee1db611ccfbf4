"""Passes: one a file, each a function that changes a graph in place and says how often it did."""
