"""The ways in: what a person or another program starts.

Knows that there are several. Must not hold any of them.
"""
