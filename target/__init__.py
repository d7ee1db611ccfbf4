"""The board's application: frames in, letters out. Python 3.9, standard library and numpy."""
