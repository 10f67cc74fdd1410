"""What a request weighs: tokens before it is sent."""
