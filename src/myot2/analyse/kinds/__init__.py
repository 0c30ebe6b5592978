"""One module per kind of analysis: the numbers and tables it makes, under their keys."""
