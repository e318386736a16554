"""The waiting room: what was accepted is on disk, ends in exactly one state, and leaves once.

Knows that it has several rooms. Must not import a way out, nor a reader: how to send is handed in.

    states     which states there are, and how a job moves      values    what goes between the rooms
    pace       a rate, and what Retry-After asks for             policy    what a mapping says of delivery
    schedule   when a job is tried again                         verdict   what an outcome makes of a job
    intake     an event -> what the ledger takes                 ledger    the one SQL ledger
    worker     the loop that claims, sends and settles           clerk     asks the ledger for its many tasks
    gathering  accepting threads share a transaction             names     what a store calls people and calls
    failpoints  where tests stop the process
"""
