"""The console: one page, its files, who may open it, and the figures that it shows."""
