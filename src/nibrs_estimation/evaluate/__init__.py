"""How good the estimates are: populations with known truth, estimated by the stages as if agencies had not responded.

A backtest takes a population (`populations/`), draws who responds (`patterns.py`), estimates with the program's own
stages (`estimating.py`) and compares with the truth (`scores.py`, `page.py`).
"""
