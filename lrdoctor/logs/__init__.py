"""Runs that already exist: one reader a format, told by content and never by name alone."""
