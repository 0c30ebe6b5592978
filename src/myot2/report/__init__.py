"""The report: figures, tables and sentences from the workflow's results, and the page that holds them."""
