"""Mutation testing: tools change the shop in small ways, and tests that run the changed lines have to notice.

``make mutation`` draws a sample, and says of each module how many of its mutants were noticed.
"""
