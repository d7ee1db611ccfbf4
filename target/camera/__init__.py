"""Frame sources behind one small interface, and the reader that keeps the newest frame."""
