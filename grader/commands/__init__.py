"""One module for each command: `run(arguments)` parses them, acts, prints, and returns the exit status."""
