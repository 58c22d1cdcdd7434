"""Text for display: escapes of untrusted text, the formats of numbers, and substitutes for ASCII terminals."""
