"""Convolution: eight 3x3 filters slide over a gray image. No padding, no bias. numpy only."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

SIZE = 3


class Conv:
    """A convolution layer for one gray image.

        output[y, x, f] = sum over i, j of  image[y + i, x + j] * filters[f, i, j]

    Attributes:
        filters: float64 (filters, 3, 3), the only parameters.
        d_filters: d loss / d filters of the last backward, same shape.
    """

    def __init__(self, filters: int, generator: np.random.Generator) -> None:
        # Divided by the 9 products that are added, so that outputs are no larger than inputs.
        self.filters = generator.standard_normal((filters, SIZE, SIZE)) / SIZE**2
        self.d_filters = np.zeros_like(self.filters)

    def forward(self, image: np.ndarray) -> np.ndarray:
        """Return the filtered image; keeps what backward needs.

        Args:
            image: float64 (h, w).

        Returns:
            float64 (h - 2, w - 2, filters).
        """
        # windows[y, x] is the 3x3 piece of the image whose top left pixel is (y, x).
        self._windows = sliding_window_view(image, (SIZE, SIZE))  # (h - 2, w - 2, 3, 3)
        return np.tensordot(self._windows, self.filters, axes=([2, 3], [1, 2]))

    def backward(self, d_output: np.ndarray) -> np.ndarray:
        """Find d_filters, and return d loss / d image.

        A filter's number (i, j) is multiplied with image[y + i, x + j] at every place (y, x):

            d_filters[f, i, j] = sum over y, x of  d_output[y, x, f] * image[y + i, x + j]

        Pixel (y, x) meets number (i, j) of the filter when the window starts at (y - i, x - j):

            d_image[y, x] = sum over f, i, j of  d_output[y - i, x - j, f] * filters[f, i, j]

        where d_output counts as 0 outside. That is a convolution of the zero-padded d_output with
        the filters turned by 180 degrees.

        Args:
            d_output: float64 (h - 2, w - 2, filters).

        Returns:
            float64 (h, w). As the first layer has nothing before it, training does not use it.
        """
        self.d_filters = np.tensordot(d_output, self._windows, axes=([0, 1], [0, 1]))
        border = SIZE - 1
        padded = np.pad(d_output, ((border, border), (border, border), (0, 0)))
        windows = sliding_window_view(padded, (SIZE, SIZE), axis=(0, 1))  # (h, w, filters, 3, 3)
        turned = self.filters[:, ::-1, ::-1]
        return np.tensordot(windows, turned, axes=([2, 3, 4], [0, 1, 2]))

    def parameters(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return each parameter with its gradient."""
        return [(self.filters, self.d_filters)]
