"""Who may use how much: limits are held before a request and settled after it. Imported only where
the policy has limits.
"""
