"""Says whether the explanations helped: a response table and a frozen design in, estimates out.

`analysis.api` is the door: `read_table`, `read_design`, `analyse`, `draw_figures`, `report_from_json`. The same from a
shell: `python -m analysis responses.csv design.json`. This file imports nothing, so `analysis.columns` stays cheap.
"""
