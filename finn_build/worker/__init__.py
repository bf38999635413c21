"""FINN's compiler in a process of its own: estimates and the ladder's rung."""
