"""What each Create checks and what it adds to the request; `operations` does what they have in common.

A function here sees the request and the view, and returns a Draft or refuses. It writes nothing.
"""
