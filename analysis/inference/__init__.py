"""Tests and intervals for one number a participant; nothing here knows where that number comes from."""
