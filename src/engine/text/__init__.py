"""Text for people: untrusted text made harmless, numbers in one form, stand-ins for ASCII terminals."""
