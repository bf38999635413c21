"""The stages of the flow."""
