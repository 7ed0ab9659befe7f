"""Rule files: machines as JSON."""
