"""What stands between two stages: room for one item, the newest or every one."""

from __future__ import annotations

import threading
from typing import Callable, Generic, Optional, TypeVar

Item = TypeVar("Item")


class Slot(Generic[Item]):
    """Hands items from one thread to another.

    Args:
        newest_only: A new item takes the place of one that nobody fetched, which counts as dropped; else
            `put` waits until there is room.
        merge: Makes the new item of the one it takes the place of and itself; None for itself.
    """

    def __init__(
        self, newest_only: bool, merge: Optional[Callable[[Item, Item], Item]] = None
    ) -> None:
        self.dropped = 0
        self._merge = merge
        self._newest_only = newest_only
        self._changed = threading.Condition()
        self._item: Optional[Item] = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more comes and nothing is left."""
        return self._closed and self._item is None

    def put(self, item: Item) -> bool:
        """Hand on an item; False if the slot was closed and it is lost."""
        with self._changed:
            if not self._newest_only:
                self._changed.wait_for(lambda: self._item is None or self._closed)
            if self._closed:
                self.dropped += 1
                return False
            if self._item is not None:
                self.dropped += 1
                item = item if self._merge is None else self._merge(self._item, item)
            self._item = item
            self._changed.notify_all()
            return True

    def get(self, timeout_s: float) -> Optional[Item]:
        """Fetch the item, waiting for one; None if there is none within so long, or ever."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Nothing more is put; what is there may still be fetched."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def clear(self) -> None:
        """Close, and count what nobody fetched as dropped."""
        with self._changed:
            self._closed = True
            if self._item is not None:
                self.dropped += 1
                self._item = None
            self._changed.notify_all()
