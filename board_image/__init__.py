"""Makes the SD card: AMD's image, this application and one configuration -> a card image.

Standard library only; it imports neither host/ nor target/, and nothing imports it.
"""
