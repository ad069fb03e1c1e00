"""Tables, plots and pages, made from the JSON that a search writes."""
