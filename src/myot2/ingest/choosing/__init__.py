"""Which stack is taken for what: by rule, or by the table that a person has edited."""
