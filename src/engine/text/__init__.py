"""Text for display: untrusted text escaped, numbers in one form, stand-ins for ASCII terminals."""
