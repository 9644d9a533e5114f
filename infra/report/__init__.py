"""What a person is shown of the sales and of the machine that made them: checks, a chart, a page.

Reads tables through infra/local/lake.py and writes one HTML file; it changes no table and starts nothing.
"""
