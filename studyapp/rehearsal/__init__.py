"""Simulated participants: invented people who take a frozen study through its real pages."""
