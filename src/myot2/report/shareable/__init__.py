"""The shareable report: made of released tables alone, and of nothing that is one person's."""
