"""Following logs while they are written: what is new in them, the verdict as it changes, and the end."""
