"""The search: enumerate, characterise, cost, race, confirm, prove."""
