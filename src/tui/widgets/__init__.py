"""What a screen is made of: one module a panel."""
