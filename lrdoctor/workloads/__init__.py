"""Small reference models on real data, named by class path in configs/."""
