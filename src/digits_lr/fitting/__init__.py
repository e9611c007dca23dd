"""Fits that show their progress and stop when interrupted."""
