"""One run of sending: each event at most once, at the mapping's rate, with an account of every line.

Knows that a run has several parts. Must not hold any of them.

    events   lines of files -> events, mapped        run      what becomes of each event
    guards   was it sent before in this run?         records  the account, written down as it happens
"""
