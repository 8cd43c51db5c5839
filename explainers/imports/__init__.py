"""Explanations that were made elsewhere: a file format, read strictly. No torch, so that the web server can read it."""
