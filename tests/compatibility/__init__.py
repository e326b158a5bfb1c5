"""What is compared and with whom: the tables behind docs/compatibility.md."""
