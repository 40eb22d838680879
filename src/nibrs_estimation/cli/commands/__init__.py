"""The commands: what each takes and says. `cli/main.py` lists them, and imports one when it is called for."""
