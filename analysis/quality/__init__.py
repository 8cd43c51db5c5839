"""Flags of data quality: rules that are frozen with the design and never see an arm."""
