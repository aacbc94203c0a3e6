"""Ratios against baselines measured in the same run: machines are noisy, absolute seconds say little."""
