"""``mapper send`` and ``mapper worker``: events into the ledger, and jobs out of it.

Knows that both commands share their parts. Must not hold any of them.

    send     the options of sending files        taking    lines into the ledger       slips  which job is which line
    work     the options of a worker             asking    before money is spent       sums   the account of a run
    dispatch a run of `send`, from end to end    draining  what is watched meanwhile   working  a worker's life
"""
