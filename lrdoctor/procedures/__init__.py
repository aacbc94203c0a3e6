"""Which trials to run next: pure planners, one file a procedure."""
