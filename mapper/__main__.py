"""``python -m mapper preview ...``: the command, for who has the package and no command on the path.

Knows where the commands live. Must not hold one.
"""

from mapper.apps.cli import main

if __name__ == "__main__":
    main()
