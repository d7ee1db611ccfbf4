"""Letters: their labels, and from letters over time to text."""
