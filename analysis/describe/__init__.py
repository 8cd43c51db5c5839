"""What was seen, arm by arm: described, not tested, and never used to rank arms."""
