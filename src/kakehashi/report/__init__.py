"""What a run found, for people and for programs: JSON, tables, figures, a verdict, one HTML page."""
