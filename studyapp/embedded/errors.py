"""What can go wrong with the servers and processes that Foretell runs itself."""


class EmbeddedError(Exception):
    """An embedded server or a supervised process cannot do its work; the message says what to do."""
