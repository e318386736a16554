"""``mapper transform --jobs``: one file, mapped by several processes, written as if by one.

Knows that it has two sides. Must not hold either.

    workers   the parent: parts of the file out, results in, in order    worker   one process
    frames    what goes between them
"""
