"""Stage clocks, percentiles and the run record."""
