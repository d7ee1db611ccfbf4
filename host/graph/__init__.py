"""The graph: one type from Keras to the compiled file, in XIR's own terms."""
