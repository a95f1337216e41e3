"""Proofs that nothing is lost: kills, faults, crowds and noise, as many rounds as one likes.

The tests run a few rounds of each; `python tests/stress` runs as many as it is told. What each
proves, and the figures of a long run, are in docs/reliability.md.
"""
