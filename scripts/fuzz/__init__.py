"""Fuzzing: what peers, files and variables say is mutated, and what has to hold is checked."""
