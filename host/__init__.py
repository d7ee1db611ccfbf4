"""The development machine: train, quantize, compile, emulate, measure, report."""
