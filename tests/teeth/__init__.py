"""Seeded bugs: each is a few words changed in the product, and each has tests that have to notice. ``make teeth``.

``bugs.yaml`` has the bugs; ``planting`` puts one into a copy of the product and runs its tests there; ``hunting`` is
how pytest runs them.
"""
