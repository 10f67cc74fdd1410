"""What is kept between requests, as opaque texts under names: for a while, and up to a size."""
