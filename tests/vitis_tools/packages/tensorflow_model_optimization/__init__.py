"""Stand-in for the package of vai_q_tensorflow2."""

__version__ = "stand-in"
