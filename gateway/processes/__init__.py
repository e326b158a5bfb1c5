"""The gateway's processes: one, or a supervisor and its workers."""
