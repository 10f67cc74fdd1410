"""The same request, the same answer: kept where a persona says so, and given again."""
