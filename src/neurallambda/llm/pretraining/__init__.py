"""A small language model trained here, on texts that another one writes."""
