"""A parametric hand: posed by angles of real signers, drawn to images; a data set and a camera."""
