"""Rebuilds the networks of jobs with the TensorFlow that runs this, and prints how far their outputs are off.

python tests/vitis_tools/rebuild.py JOB JOB ...      with the project on PYTHONPATH
"""

import json
import sys

import numpy as np

from host.vitis.container.job import load_arrays
from host.vitis.container.network import rebuild


def main(jobs):
    """Print {job: largest difference}."""
    found = {}
    for job in jobs:
        arrays = load_arrays(job, "evaluation.npz")
        got = rebuild(job).predict(arrays["x"][: len(arrays["expected"])], verbose=0)
        found[job] = float(np.max(np.abs(got - arrays["expected"])))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
