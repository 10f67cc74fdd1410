"""What the instances of a gateway tell each other through their store, beside requests."""
