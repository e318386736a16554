"""The codes of jobs: the states that each is in, and the reasons and marks that lists and accounts show beside them.

Knows what they mean to a person, and what that person can do. Must not know how a job comes into a state.
"""

from __future__ import annotations

from mapper.codes.entry import Code

_NOTHING = "Nothing."

#: The titles are those that ``mapper queue status`` shows; a test holds them against each other.
_STATES = (
    Code(
        "waiting",
        "behind an earlier job of the same person",
        "Per person one job is under way at a time, and they leave in the order in which they were accepted.",
        "Nothing: it is ready when the one before it has ended. `mapper queue list --user ID` shows that one.",
    ),
    Code(
        "ready",
        "to be sent when its time comes",
        "It leaves when the rate lets it, when a pause is over, or, after a try that was not taken, when the next is"
        " due.",
        "Let a worker run: `mapper worker`, or `mapper send` once more. `mapper queue list` says when it is due.",
    ),
    Code(
        "sending",
        "under way: written down before its first byte leaves",
        "A worker has begun to send it and has not said yet how that ended. If the worker is gone, the job is unknown"
        " after its lease: nobody can tell whether the request arrived.",
        "Nothing, unless it stays so: then look whether a worker runs, by `mapper queue status`.",
    ),
    Code(
        "unknown",
        "may have been taken: nobody can know from here",
        "The connection broke, no answer came in time, or the answer does not say. It is not sent again by itself,"
        " because a second one may be a second postcard.",
        "Look it up at the destination. Then `mapper queue resolve --job N --delivered` where it was taken, or --again"
        " where it was not.",
    ),
    Code(
        "held",
        "kept back until a person releases it",
        "A person held it, or it is beyond a cap of the mapping. Later jobs of the same person do not wait for it.",
        "`mapper queue release --job N` lets it go, `mapper queue drop --job N` gives it up.",
    ),
    Code(
        "delivered",
        "accepted by the destination",
        "The destination answered that it took the request. It is never sent again.",
        _NOTHING,
    ),
    Code(
        "rejected",
        "refused for good: the same again cannot help",
        "The destination answered that it does not take this request. The status and the reason say why.",
        "Mend what the reason names. Where that was at the destination, `mapper queue replay --job N` sends the same"
        " request again; otherwise send another event.",
    ),
    Code(
        "dead",
        "given up: too many tries, too old, or dropped by a person",
        "It was not taken in many tries or for days, three workers in a row ended while they sent it, or a person gave"
        " it up. The reason says which.",
        "`mapper queue show N` tells its tries. If it was surely not taken, `mapper queue replay --job N` begins"
        " again.",
    ),
    Code(
        "invalid",
        "the event does not make a request",
        "It is no Identify call, or a required field is missing or breaks a rule. The reason has the codes of the"
        " problems, with the fields.",
        "`mapper explain CODE` explains each. Mend the mapping, and `mapper queue replay --remap -m MAPPING --state"
        " invalid` maps it again; or mend the sender.",
    ),
    Code(
        "skipped",
        "nothing to send, as the mapping says",
        "An entry of skip: in the mapping holds for this event, or it is a call that the mapping does not accept. The"
        " reason is the mapping's own.",
        "Nothing, unless it was not meant: then change skip: or accepts:, and `mapper queue replay --remap -m MAPPING"
        " --state skipped` maps it again.",
    ),
    Code(
        "suppressed",
        "not sent: too old, or the same order again",
        "The event makes a request, and sending it would cost money for nothing. The reason says which: stale, or"
        " once_per.",
        "`mapper explain stale` and `mapper explain once_per` say what can be done.",
    ),
    Code(
        "erased",
        "the person was forgotten before it was known to be taken",
        "Somebody asked to be forgotten. The event and the request are gone, and nothing is sent.",
        "Nothing: it cannot be brought back. Tell the destination, if the request may have reached it.",
    ),
)

CODES = (
    *_STATES,
    Code(
        "stale",
        "the event is older than stale_after allows",
        "It happened longer ago than the mapping's send.stale_after, 30 days unless that says otherwise. A replay of"
        " last year's archive would print last year's cards.",
        "If it is to be sent all the same: `mapper queue replay --state suppressed --reason stale`. --stale-after none"
        " accepts events of any age.",
    ),
    Code(
        "once_per",
        "the same order as an earlier job",
        "The parts of the key of the mapping's send.once_per are the same as those of an earlier job, and the two"
        " happened closer together than its within. The earlier one was taken, or may still be.",
        "Nothing, if one is enough: the reason names the earlier job. `mapper queue replay --job N --twice` sends a"
        " second one.",
    ),
    Code(
        "cap",
        "a cap of the mapping is reached",
        "send.cap of the mapping lets so many go in a day (UTC) or in a run. What is beyond it is held, so that a"
        " mistake cannot cost more than that.",
        "Look whether so many are meant; then `mapper queue release --state held` lets them go.",
    ),
    Code(
        "forgotten",
        "the person was forgotten",
        "`mapper identity forget` erased what was known of the person. Events from before that moment, and later ones"
        " too if it was for good, are not sent.",
        _NOTHING,
    ),
    Code(
        "paused",
        "nothing is sent for a while",
        "The destination refused the key or the account, asked to wait (Retry-After), or gave no final answer many"
        " times in a row. All jobs of the account wait.",
        "Mend what the reason names. The pause ends by itself; `mapper queue release --pause` ends it now.",
    ),
    Code(
        "rate",
        "how fast it is sent",
        "send.rate of the mapping says how many requests may leave in a second, a minute or an hour: spaced evenly,"
        " over all workers. Retries count.",
        "Nothing. If it is too slow, ask the destination what it takes, and change send.rate.",
    ),
    Code(
        "repeated",
        "the same call again",
        "A call with this messageId, or with this very content where it has none, was accepted before. It is recognised"
        " and counted, and nothing is sent for it.",
        _NOTHING,
    ),
    Code(
        "conflicting",
        "another content under the messageId of an earlier call",
        "A messageId names one call, and this one says something else than the call that was accepted under it. It is"
        " not accepted: which of the two was meant only the sender knows.",
        "Ask the sender. The other one needs a messageId of its own.",
    ),
)
