"""The kernel: what every domain needs, once. It imports no domain and no driver."""
