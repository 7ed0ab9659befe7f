"""Tasks about programs of the project's own Lisp: their values, and their reduction step by step."""
