"""One pure function for each format, from results to text."""
