"""The contracts between the parts: tables, envelopes, settings, errors, logs, places in the bucket.

Imports the standard library only, so that every other package may import it and it may import none of them.
"""
