"""What is here imports the runner from its zip under other Pythons: pytest starts it, and does not collect it."""

collect_ignore_glob = ["test_*.py"]
