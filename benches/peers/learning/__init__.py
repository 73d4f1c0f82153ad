"""Training small models: what is run, the inputs, our calls, the peers' calls, the tables.

The script beside this folder is the entry point.
"""
