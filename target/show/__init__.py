"""Where results are shown: overlay, window, video file."""
