"""A chat request as a Messages request."""
