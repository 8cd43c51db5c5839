"""The researcher's console: pages that parse, call one action, and answer."""
