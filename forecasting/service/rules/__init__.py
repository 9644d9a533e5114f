"""What the service asks of a request beyond the shapes of its model: domains, frequencies, algorithms, places.

Pure: a rule sees values, never the store; it raises InvalidInputException and says what was expected.
"""
