"""What runs inside AMD's container: Python 3.7 and later, TensorFlow 2, numpy; no other part of the project."""
