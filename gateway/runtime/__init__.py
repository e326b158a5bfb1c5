"""Tools of every room: files, tasks, time, memory and the event loop; imports no room."""
