"""The text of a query to a tree: tokens, nodes, parser."""
