"""int8 graph + DPU -> checked, partitioned, laid out: the compiled graph."""
