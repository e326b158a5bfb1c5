"""The gateway's processes: one in the foreground, or several below it."""
