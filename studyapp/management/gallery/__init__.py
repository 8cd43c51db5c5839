"""Pictures of every method of explanation as a participant sees it."""
