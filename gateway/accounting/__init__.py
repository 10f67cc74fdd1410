"""What a request weighs and costs: tokens before it is sent, prices, and what real answers taught
about both.
"""
