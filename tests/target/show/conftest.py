"""What the tests of the page's server share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.target.show.served_page import Page


@pytest.fixture
def page() -> Iterator[Page]:
    served = Page()
    yield served
    served.sink.close()
