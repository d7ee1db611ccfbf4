"""Runners: one file per way to execute the network, found by name, imported on first use."""
