"""What can be measured in the training curve of a log, with nobody's trial beside it to compare with."""
