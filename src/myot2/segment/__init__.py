"""Muscle labels on an axial thigh volume: find the legs, predict with the network, clean, check."""
