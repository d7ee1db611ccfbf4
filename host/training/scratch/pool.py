"""Max pooling: of every 2x2 square only the largest value stays. No parameters. numpy only."""

from __future__ import annotations

import numpy as np

SIZE = 2


class Pool:
    """Halves height and width.

        output[y, x, c] = max of  input[2y : 2y + 2, 2x : 2x + 2, c]

    Of an odd height or width the last row or column is left out, as Keras does with "valid".
    """

    def forward(self, maps: np.ndarray) -> np.ndarray:
        """Return the largest value of each square; keeps where it was.

        Args:
            maps: float64 (h, w, c).

        Returns:
            float64 (h // 2, w // 2, c).
        """
        self._shape = maps.shape
        squares = _squares(maps)
        # argmax gives the first of equals, row by row: one value of a square wins, never two.
        self._winner = squares.argmax(axis=2, keepdims=True)  # (h // 2, w // 2, 1, c), values 0-3
        return np.take_along_axis(squares, self._winner, axis=2)[:, :, 0]

    def backward(self, d_output: np.ndarray) -> np.ndarray:
        """Return d loss / d maps.

        Only the value that was let through has an influence on the loss, so it alone gets the
        gradient, whole; the other three get 0. Where several values of a square are equal and the
        largest, the maximum has no derivative; the first of them, row by row, gets all of it, as
        in TensorFlow. (Giving it to each of them would count it twice.)

        Args:
            d_output: float64 (h // 2, w // 2, c).

        Returns:
            float64 (h, w, c).
        """
        rows, columns, channels = d_output.shape
        d_squares = np.zeros((rows, columns, SIZE * SIZE, channels))
        np.put_along_axis(d_squares, self._winner, d_output[:, :, None], axis=2)
        d_maps = np.zeros(self._shape)
        d_maps[: rows * SIZE, : columns * SIZE] = _from_squares(d_squares)
        return d_maps

    def parameters(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return nothing: there is nothing to learn."""
        return []


def _squares(maps: np.ndarray) -> np.ndarray:
    """Cut (h, w, c) into 2x2 squares: (h // 2, w // 2, 4, c), each square row by row."""
    rows, columns, channels = maps.shape[0] // SIZE, maps.shape[1] // SIZE, maps.shape[2]
    whole = maps[: rows * SIZE, : columns * SIZE]
    cut = whole.reshape(rows, SIZE, columns, SIZE, channels).transpose(0, 2, 1, 3, 4)
    return cut.reshape(rows, columns, SIZE * SIZE, channels)


def _from_squares(squares: np.ndarray) -> np.ndarray:
    """Put squares together again, the inverse of _squares."""
    rows, columns, _, channels = squares.shape
    cut = squares.reshape(rows, columns, SIZE, SIZE, channels).transpose(0, 2, 1, 3, 4)
    return cut.reshape(rows * SIZE, columns * SIZE, channels)
