"""The commands: arguments, options and output. `cli/main.py` lists them and imports each when it is used."""
