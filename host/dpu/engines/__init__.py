"""Engines: ways to execute a compiled graph. `reference` is the definition, the others are faster.

An engine that cannot do a graph exactly refuses it with Unsupported; none is ever approximately right.
"""
