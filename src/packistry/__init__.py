"""Packistry: a self-hosted private Composer repository."""
