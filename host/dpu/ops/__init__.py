"""One op, one file, one function; the table that finds them."""
