"""The plumbing of pages."""
