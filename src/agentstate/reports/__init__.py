"""What the store answers: of itself, and of what was done with it; a module each noun.

These are answers, not rows: nothing here is stored. Like the records they are frozen, their times
are Unix seconds, and JSON output uses their field names.
"""
