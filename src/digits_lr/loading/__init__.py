"""MNIST, verified."""
