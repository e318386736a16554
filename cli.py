"""Lets ``python cli.py preview ...`` run from a checkout, without an installation.

Knows where the commands live. Must not hold one: they are in ``mapper.apps.cli``.
"""

from mapper.apps.cli import main

if __name__ == "__main__":
    main()
