"""How values are laid out for a reader: frames under mistakes, tables, differences, plain JSON.

Knows that there are several layouts. Must not decide anything, read files or send: what is shown was made elsewhere.
"""
