"""Keras layers -> float ops, one family a file; the table that finds them. Imports no Keras."""
