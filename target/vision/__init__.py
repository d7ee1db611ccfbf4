"""From camera pixels to the network's codes, and from its codes to scores."""
