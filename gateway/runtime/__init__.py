"""What every room may use: files, tasks, time, memory and the event loop; imports no room."""
