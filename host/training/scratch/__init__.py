"""A convolutional network and its training in plain numpy: every formula written out, to be read.

Read in this order: conv.py, pool.py, softmax.py (one layer each, forward and backward), network.py
(the three together, and the loss), train.py (the loop). Imports neither Keras nor TensorFlow.
Three words: *forward* computes a layer's output; *backward* takes d loss / d output and gives
d loss / d input (the chain rule); a *gradient* is called d_x, always of the shape of x.
"""
