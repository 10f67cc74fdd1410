"""HTTP answers and bodies on the wire. Nothing here knows a model or a persona."""
