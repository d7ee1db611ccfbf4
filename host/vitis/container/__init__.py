"""What runs inside AMD's container: Python 3.7 and later, TensorFlow 2 and numpy, no more of the project."""
