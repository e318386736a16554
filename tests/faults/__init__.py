"""The rig that judges delivery from outside: what was accepted, what the receiver got, and what the ledger says.

No product code is imported here, but by the driver programs, through ``worker`` alone: a judge that shares code with
the judged shares its mistakes.

    events      what is posted and what must arrive, from a seed alone
    journal     an append-only log that survives a kill
    receiver    a scripted HTTP server with a log of its own; its answers are in behaviours
    driver      posts events, and writes down what was acknowledged
    checker     lost, spurious, corrupted, duplicated, stuck; and the rate in any window
    syscalls    an strace output as operations on files
    powercut    every disk that a power cut may leave behind
    writer      a small SQLite program that proves powercut
    forks       imports the product once and forks a process for each cycle
    service     the accepting process, and worker the sending one; standin is a tiny product to prove the rig with
    kills       the campaign: SIGKILL at each point
    mayhem      SIGKILL at random, under load
    deposit     power cuts on the product's own store
    canaries    the search for names, ids and keys where they do not belong
    report      what a part of `all` is told, and what it says
"""
