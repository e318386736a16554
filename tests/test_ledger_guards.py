"""Pace and money in the ledger, on both engines."""

from __future__ import annotations

import pytest
from contracts.store import GuardContract

from mapper.delivery.ledger import open_store
from mapper.delivery.ledger.store import Store


class TestGuards(GuardContract):
    """The ledger keeps the contract of every store."""

    @pytest.fixture(autouse=True)
    def _place(self, store_url: str) -> None:
        self.where = store_url

    def make(self) -> Store:
        """Ours."""
        return open_store(self.where)
