"""The stages of a running stream, each in a thread of its own, and what passes between them."""
