"""A row of cells under one local rule: soft, as a table of chances, and gated, as a convolution."""
