"""The tests; subfolders follow the rooms of the package."""
