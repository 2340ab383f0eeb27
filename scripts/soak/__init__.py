"""Hundreds of tasks and threads against servers that misbehave at random; see `__main__`."""
