"""MNIST, verified, and the two data sets split into train and test."""
