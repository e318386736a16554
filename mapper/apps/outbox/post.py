"""How one job leaves: its stored request, aimed, through a transport; and what came back, as an ending.

Knows transports and outcomes. Must not know the ledger, nor decide whether a job is sent again.
"""

from __future__ import annotations

from datetime import UTC, datetime

from mapper import codec, request, transports
from mapper.apps.outbox import target
from mapper.delivery import pace
from mapper.delivery.values import Claim, Ending
from mapper.errors import SettingsError
from mapper.outcome import Outcome
from mapper.plan import Plan
from mapper.ports import Transport

#: What a destination says about the whole account, whichever request it answers.
_ACCOUNT_WIDE = 429


class Post:
    """Sends claims of one mapping through one transport. ``url`` stands in for the mapping's own address."""

    def __init__(self, plan: Plan, transport: Transport | str, url: str | None = None) -> None:
        self._plan = plan
        self._transport = transport
        self._url = url

    async def __call__(self, claim: Claim) -> Ending:
        """Send one claim once."""
        try:
            made = target.aimed(request.restored(self._plan, claim.target, claim.content), self._url)
        except (codec.NotJson, ValueError, TypeError):
            return Ending(claim.job, claim.attempt, "rejected", "it cannot be sent as it is stored")
        try:
            outcome = await transports.asend(made, self._transport)
        except SettingsError:
            because = "nothing was sent: a secret setting has no value, or does not fit"
            return Ending(claim.job, claim.attempt, "pause", because, account=True)
        return ending(claim, outcome, datetime.now(UTC))


def ending(claim: Claim, outcome: Outcome, now: datetime) -> Ending:
    """What an outcome says of a job, and of the account."""
    asked = pace.retry_after(outcome.retry_after, now)
    account = outcome.ending == "pause" or (
        outcome.ending == "retry" and (outcome.status == _ACCOUNT_WIDE or asked is not None)
    )
    return Ending(claim.job, claim.attempt, outcome.ending, outcome.message, outcome.status, asked, account)
