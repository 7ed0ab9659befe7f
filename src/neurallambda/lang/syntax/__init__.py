"""Text to terms and back."""
