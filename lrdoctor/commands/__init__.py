"""Trials that are runs of the user's own command, recorded and steered where its optimizer makes the updates."""
