"""What the product asks of outside parts, as tests that their authors can run."""
