"""Tasks: what a model must learn, how it is judged, and what it is compared with."""
