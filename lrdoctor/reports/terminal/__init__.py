"""What people see in a terminal: the result on standard output, the progress on standard error."""
