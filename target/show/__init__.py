"""Where results are shown: overlay, window, video file, lines of JSON."""
