"""The Glue catalogue as relations, and from a relation to the files and columns that a query of it reads."""
