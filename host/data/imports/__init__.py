"""From what a user downloads to the .npz files of photos that host/data/signer_set.py reads."""
