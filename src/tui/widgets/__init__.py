"""The widgets of the screens, one module for each panel."""
