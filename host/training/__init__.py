"""Networks, recipes and the training loop; the only room that builds Keras models."""
