"""Who mentors whom, on what terms, and in which state that relationship is."""
