"""Parse, call, render: one file per endpoint."""
